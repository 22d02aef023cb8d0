"""YAML text to plain data, and where each value stands.

The dialect is small on purpose: `on`, `off`, `yes` and `no` are text (YAML 1.1 would read
`stage: off` as false), and so are `12:30` and `010`; null, true, false, decimal integers and
dates are what they look like; anchors, aliases and tags are refused. Sequences become tuples.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import yaml
from yaml.reader import ReaderError

from dnsguard.config.problem import ConfigError, KeyPath, Problem
from dnsguard.text import printable, quote

MAX_DEPTH = 20
MAX_NODES = 100_000  # about three seconds of parsing

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_UNPRINTABLE = re.compile("[^\\t\\n -~\xa0-\ud7ff\ue000-\U0010ffff]")

_MENDS = (
    ("while scanning an alias", "a value that begins with '*' must be in quotes"),
    ("while scanning an anchor", "a value that begins with '&' must be in quotes"),
    ("while scanning a tag", "a value that begins with '!' must be in quotes"),
    ("'\\t' that cannot start any token", "a tab cannot indent: use spaces"),
    ("that cannot start any token", "a value that begins with this character must be in quotes"),
    ("mapping values are not allowed here", "check the indentation, and quote a value with ': '"),
    (
        "could not find expected ':'",
        "a key needs a ':' after it, and a value the right indentation",
    ),
    ("expected <block end>", "check the indentation, and quote a value that has quotes in it"),
    ("expected ',' or", "check that every '[' and '{' is closed and its items have commas"),
    (
        "while scanning a quoted scalar",
        "check that every quote is closed and '\\' is doubled in it",
    ),
    ("while scanning a double-quoted scalar", "check the '\\' in it, or use single quotes"),
)


class Place(NamedTuple):
    """A line of a file; 1-based, 0 when unknown."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{printable(self.file)}:{self.line}"


@dataclass(frozen=True, slots=True)
class Source:
    """One file as read."""

    path: str
    text: str


@dataclass(slots=True)
class Document:
    """The data of one or more sources; problems that did not stop the reading are collected."""

    file: str
    data: dict[str, object] = field(default_factory=dict)
    places: dict[KeyPath, Place] = field(default_factory=dict)
    problems: list[tuple[KeyPath, str, Place]] = field(default_factory=list)

    def place(self, path: KeyPath) -> Place:
        """Return where a value stands, or the nearest value around it."""
        return self.places.get(self.known(path), Place(self.file, 0))

    def known(self, path: KeyPath) -> KeyPath:
        """Return the part of a path that the file really has."""
        while path and path not in self.places:
            path = path[:-1]
        return path


def read_document(source: Source) -> Document:
    """Return the data of one source. Raises ConfigError where the YAML itself is broken."""
    reader = _Reader(source)
    try:
        reader.read(yaml.parse(source.text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        raise reader.error(_mark(error), _explain(error)) from None
    except ReaderError as error:
        reason = f"the character U+{error.character:04X} cannot stand in a config: remove it"
        raise reader.error(error.position, reason) from None
    except (ValueError, OverflowError):
        # PyYAML turns an escape such as "\UFFFFFFFF" into a character without a check.
        raise reader.error(None, "a '\\U' escape is no character: correct it") from None
    return reader.document


class _Reader:
    """Builds a document from the events of one YAML stream."""

    def __init__(self, source: Source) -> None:
        self.document = Document(source.path)
        self._line_ends = [match.start() for match in re.finditer("\n", source.text)]
        self._events: Iterator[yaml.Event] = iter(())
        self._nodes = 0

    def read(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        for event in events:
            if not isinstance(event, yaml.NodeEvent):
                continue
            if self.document.places:
                raise self.error(
                    event.start_mark, "a second document begins here: remove the '---'"
                )
            self.document.places[()] = Place(self.document.file, 0)
            data = self._value(event, ())
            if isinstance(data, dict):
                self.document.data = data
            elif data is not None:
                raise self.error(
                    event.start_mark, "the file must be a mapping, as in 'groups: ...'"
                )

    def error(self, where: object, message: str) -> ConfigError:
        """Return the error at an index of the text, or at the mark of one."""
        index = getattr(where, "index", where)
        if not isinstance(index, int):
            return ConfigError([Problem("", message, self.document.file, 0)])
        line = bisect_left(self._line_ends, index)
        column = index - (self._line_ends[line - 1] if line else -1)
        return ConfigError(
            [Problem("", f"column {column}: {message}", self.document.file, line + 1)]
        )

    def _place(self, event: yaml.Event) -> Place:
        index = getattr(event.start_mark, "index", 0)
        return Place(self.document.file, bisect_left(self._line_ends, index) + 1)

    def _value(self, event: yaml.Event, path: KeyPath) -> object:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self.error(event.start_mark, f"more than {MAX_NODES:,} values: split the file")
        if len(path) > MAX_DEPTH:
            raise self.error(event.start_mark, f"nested more than {MAX_DEPTH} deep: remove levels")
        if isinstance(event, yaml.AliasEvent):
            raise self.error(
                event.start_mark,
                f"aliases are not supported: put {quote(f'*{event.anchor}')} in quotes if it is a "
                "value, else write the value out",
            )
        self._refuse_extras(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._mapping(path)

    def _refuse_extras(self, event: yaml.Event) -> None:
        if getattr(event, "anchor", None) is not None:
            raise self.error(
                event.start_mark, "anchors are not supported: remove the '&', or quote the value"
            )
        if getattr(event, "tag", None) is not None:
            raise self.error(
                event.start_mark, "tags are not supported: remove the '!', or quote the value"
            )

    def _sequence(self, path: KeyPath) -> tuple[object, ...]:
        items: list[object] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            item_path = (*path, len(items))
            self.document.places[item_path] = self._place(event)
            items.append(self._value(event, item_path))
        return tuple(items)

    def _mapping(self, path: KeyPath) -> dict[str, object]:
        entries: dict[str, object] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event, path)
            place = self._place(event)
            first = self.document.places.get((*path, key))
            if first is not None:
                message = f"given twice, first in line {first.line}: keep one of the two"
                self.document.problems.append(((*path, key), message, place))
                self._skip()
                continue
            self.document.places[(*path, key)] = place
            entries[key] = self._value(next(self._events), (*path, key))
        return entries

    def _key(self, event: yaml.Event, path: KeyPath) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            # An alias lands here too: `*.example.org: ...` wants quotes.
            raise self.error(event.start_mark, "a key must be text: put it in quotes")
        self._refuse_extras(event)
        text = str(event.value)
        key_path = (*path, printable(text))
        if not isinstance(self._scalar(event, key_path), str):
            message = f"the key {quote(text)} must be text: put it in quotes"
            self.document.problems.append((key_path, message, self._place(event)))
        return printable(text)

    def _skip(self) -> None:
        """Read the next value without keeping anything of it but its faults in syntax."""
        kept = self.document
        self.document = Document(kept.file)
        self._value(next(self._events), ())
        self.document = kept

    def _scalar(self, event: yaml.ScalarEvent, path: KeyPath) -> object:
        text: str = event.value
        if not event.style:
            return _resolve(text)
        bad = _UNPRINTABLE.search(text)
        if bad:
            message = f"the character U+{ord(bad[0]):04X} cannot stand in a value: remove it"
            self.document.problems.append((path, message, self._place(event)))
            return printable(text)
        return text


def _resolve(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DATE.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            return text
    return text


def _mark(error: yaml.MarkedYAMLError) -> object:
    """Return where to look: where a thing began that never ends, else where it went wrong."""
    said = error.problem or ""
    unended = any(sign in said for sign in ("end of stream", "<stream end>", "could not find"))
    return (unended and error.context_mark) or error.problem_mark


def _explain(error: yaml.MarkedYAMLError) -> str:
    said = f"{error.context or ''}, {error.problem or ''}"
    for symptom, mend in _MENDS:
        if symptom in said:
            return f"not valid YAML: {mend}"
    return f"not valid YAML ({printable(error.problem or 'syntax error')}): check the lines above"
