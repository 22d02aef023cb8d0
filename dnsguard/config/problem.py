"""What is wrong with a config, said so that an admin can mend it."""

from collections.abc import Iterable
from dataclasses import dataclass

from dnsguard.text import MAX_SHOWN, printable, quote

KeyPath = tuple[str | int, ...]
"""Where a value stands: `("policies", "tiktok-ban", "groups", 1)`."""

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
