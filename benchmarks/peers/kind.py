"""What a server that can be measured has to say of itself."""

import os
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.listed import SINKHOLE


@dataclass(frozen=True)
class Setting:
    """What a server is to do; its port and its upstream's are on loopback."""

    folder: Path
    port: int
    upstream: int
    blocked: Sequence[str]

    def write(self, name: str, lines: Iterable[str]) -> Path:
        """Write a file into the folder; return its path."""
        path = self.folder / name
        with path.open("w", encoding="ascii") as file:
            file.writelines(lines)
        return path


@dataclass(frozen=True)
class Launch:
    """How a server is started once its files are written."""

    command: list[str]
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Kind:
    """A server by its name in the tables; `prepare` writes its files and says how it is started.

    `blocks` is the answer to a blocked name. What only echoes resolves nothing, and is the limit
    that the others are measured against.
    """

    name: str
    version: Callable[[], str]
    prepare: Callable[[Setting], Launch]
    blocks: str = SINKHOLE
    echoes: bool = False


def output(*command: str, environ: Mapping[str, str] | None = None) -> str:
    """Return what a command prints, whatever its exit code."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, **(environ or {})},
        check=False,
    )
    return done.stdout + done.stderr
