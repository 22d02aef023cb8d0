"""What is wrong with a config, said so that an admin can mend it."""

from collections.abc import Iterable
from dataclasses import dataclass

KeyPath = tuple[str | int, ...]
"""Where a value stands: `("policies", "tiktok-ban", "groups", 1)`."""

MAX_SHOWN = 60  # a pasted certificate must not fill the terminal
MAX_PROBLEMS = 1_000


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong, or one warning; `line` is 1-based, 0 when unknown."""

    path: str
    message: str
    file: str
    line: int

    def __str__(self) -> str:
        place = printable(self.file)
        if self.line:
            place += f":{self.line}"
        return ": ".join(part for part in (place, self.path, self.message) if part)


class ConfigError(Exception):
    """The config is not valid."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def show_path(path: KeyPath) -> str:
    """Return a path as it is written in messages: `policies.tiktok-ban.groups[1]`."""
    shown = ""
    for key in path:
        if isinstance(key, int):
            shown += f"[{key}]"
        else:
            plain = len(key) <= MAX_SHOWN and key.isprintable() and not set(key) & set(" []'\"")
            shown += ("." if shown else "") + (key if plain and key else quote(key))
    return shown


def quote(value: object) -> str:
    """Return a value from a config in quotes: shortened, nothing in it left unprintable."""
    text = str(value)
    return repr(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "...")


def printable(text: str) -> str:
    """Return the text with everything that could move a terminal's cursor escaped."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
