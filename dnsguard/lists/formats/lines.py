"""The lines of a list, the plain ones recognised at the speed of the regular expression engine."""

import re
from collections.abc import Iterator
from itertools import chain

MAX_LINE = 1000
TOO_LONG = f"a line longer than {MAX_LINE} characters"

PLAIN_NAME = rb"(?:[a-z0-9_-]{1,63}+\.(?=[a-z0-9_-]))*+[a-z_][a-z0-9_-]{0,62}+"
"""A lower-case name that is no address, without a final dot; its length is left to check."""

COMMENT = rb"(?:[ \t]++#.{0,500}+)?+"

_CHUNK = 1 << 18


def plain_lines(shape: bytes) -> re.Pattern[bytes]:
    """Return a pattern that finds every line: those of a shape by its groups, others whole.

    The last group of the pattern is the line that has not that shape. A shape must match
    within one line, and without backtracking: lines may be as long as the list.
    """
    return re.compile(rb"^(?:" + shape + rb"[ \t\r]*+|(.*+))$", re.MULTILINE)


def find_lines(pattern: re.Pattern[bytes], text: bytes) -> Iterator[tuple[bytes, ...]]:
    """Yield the groups of a pattern of `plain_lines` for each line; a chunk is held at a time."""
    return chain.from_iterable(_find_in_chunks(pattern, text))


def decode(line: bytes) -> str:
    """Return a line as text; ValueError gives the reason why it is none."""
    if len(line) > MAX_LINE:
        raise ValueError(TOO_LONG)
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("not UTF-8 text") from None


def _find_in_chunks(pattern: re.Pattern[bytes], text: bytes) -> Iterator[list[tuple[bytes, ...]]]:
    start = 0
    while start < len(text):
        newline = text.find(b"\n", start + _CHUNK)
        end = len(text) if newline < 0 else newline
        yield pattern.findall(text, start, end)
        start = end + 1
