"""From files to a Config: read, then parse; every error at once."""

import os
from collections.abc import Iterable, Sequence
from glob import escape, iglob
from itertools import islice
from pathlib import Path
from stat import S_ISREG
from typing import Any

from pydantic import ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import WithDefaultSchema

from dnsguard.config.document import Document, Source, read_document
from dnsguard.config.merge import merge
from dnsguard.config.messages import translate
from dnsguard.config.model import Config
from dnsguard.config.problem import MAX_PROBLEMS, ConfigError, KeyPath, Problem, show_path
from dnsguard.config.references import check_references

MAX_FILE = 4 * 2**20
MAX_ALL_FILES = 16 * 2**20
MAX_FILES = 1_000


def load(path: Path) -> Config:
    """Return the config of a file and its includes. Raises ConfigError."""
    return parse(read_sources(path))


def read_sources(path: Path) -> tuple[Source, ...]:
    """Return the main file and its includes as text. Raises ConfigError for what is unreadable."""
    main = _read(path.absolute(), special=True)
    included = _included(main)
    if len(included) >= MAX_FILES:
        message = f"'include' names more than {MAX_FILES:,} files: name fewer"
        raise ConfigError([Problem("include", message, main.path, 0)])
    sources = [main]
    problems: list[Problem] = []
    total = len(main.text)
    for file in included:
        try:
            source = _read(file, special=False)
        except ConfigError as error:
            problems += error.problems
            continue
        total += len(source.text)
        if total > MAX_ALL_FILES:
            message = f"all files together are larger than {MAX_ALL_FILES >> 20} MiB: shorten them"
            raise ConfigError([Problem("", message, source.path, 0)])
        sources.append(source)
    if problems:
        raise ConfigError(problems)
    return tuple(sources)


def parse(sources: Sequence[Source]) -> Config:
    """Return the config of texts, the main file's first. Raises ConfigError with every problem."""
    document = read_documents(sources)
    main = sources[0].path
    findings: list[tuple[KeyPath, str]] = []
    config: Config | None = None
    try:
        config = Config.model_validate(document.data, context={"folder": Path(main).parent})
    except ValidationError as error:
        details = error.errors(include_url=False)[: MAX_PROBLEMS + 1]
        findings += map(translate, details)
    findings += islice(check_references(document), MAX_PROBLEMS + 1)
    problems = _problems(document, findings)
    if problems or config is None:
        raise ConfigError(_ordered(problems, [source.path for source in sources]))
    return config


def read_documents(sources: Sequence[Source]) -> Document:
    """Return all sources as one document. Raises ConfigError if the YAML of any is broken."""
    documents = []
    problems: list[Problem] = []
    for source in sources:
        try:
            documents.append(read_document(source))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return merge(documents)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the config file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Config.model_json_schema(schema_generator=_WithoutDefaults),
        "title": "dnsguard configuration",
    }


class _WithoutDefaults(GenerateJsonSchema):
    """Leaves defaults out: 21600 is no help where the file says 6h."""

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def _read(path: Path, *, special: bool) -> Source:
    """Return the text of a file; `special` allows what is no regular file, such as a pipe."""
    shown = os.fsdecode(path)
    try:
        if not special and not S_ISREG(path.stat().st_mode):
            raise ConfigError([Problem("", "not a file: correct the 'include'", shown, 0)])
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        message = f"cannot be read ({reason}): check that it exists and who may read it"
        raise ConfigError([Problem("", message, shown, 0)]) from None
    if len(data) > MAX_FILE:
        message = f"larger than {MAX_FILE >> 20} MiB: split it"
        raise ConfigError([Problem("", message, shown, 0)])
    try:
        return Source(shown, data.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = "not UTF-8: save the file in that encoding"
        raise ConfigError([Problem("", message, shown, line)]) from None


def _included(main: Source) -> list[Path]:
    """Return the included files in order; a fault in the main file is for `parse` to report."""
    try:
        patterns = read_document(main).data.get("include")
    except ConfigError:
        return []
    folder = escape(os.fspath(Path(main.path).parent))
    found: set[str] = set()
    for pattern in patterns if isinstance(patterns, tuple) else ():
        if isinstance(pattern, str) and pattern:
            # pathlib's glob takes no absolute patterns.
            matches = iglob(os.path.join(folder, pattern))  # noqa: PTH118, PTH207
            found.update(islice(matches, MAX_FILES + 1))
    found.discard(main.path)
    return [Path(file) for file in sorted(found, key=os.fsencode)]


def _problems(document: Document, findings: Iterable[tuple[KeyPath, str]]) -> list[Problem]:
    found = [(document.known(path), message, document.place(path)) for path, message in findings]
    return list(
        dict.fromkeys(
            Problem(show_path(path), message, place.file, place.line)
            for path, message, place in (*document.problems, *found)
        )
    )


def _ordered(problems: list[Problem], files: Sequence[str]) -> list[Problem]:
    rank = {file: number for number, file in reversed(list(enumerate(files)))}
    ordered = sorted(problems, key=lambda problem: (rank[problem.file], problem.line))
    if len(ordered) > MAX_PROBLEMS:
        message = f"only the first {MAX_PROBLEMS:,} problems are shown: mend these first"
        return [*ordered[:MAX_PROBLEMS], Problem("", message, files[0], 0)]
    return ordered
