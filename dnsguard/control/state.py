"""The state directory: the last accepted config and the last good text of every file list.

Each file is written whole beside its old self and renamed over it, so whatever happens there
is a whole old one or a whole new one. A full disk costs the record, never the service.
"""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dnsguard.config import Source

_CONFIG = "accepted-config.json"
_LISTS = "lists"


@dataclass(frozen=True)
class KeptList:
    """The last good text of a list and when its source last confirmed it (epoch seconds)."""

    text: bytes
    confirmed: float


class StateDirectory:
    """What survives a restart. The methods that write raise OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def keep_config(self, sources: Sequence[Source]) -> None:
        """Keep the files of a config that was accepted."""
        document = {
            "accepted": time.time(),
            "sources": [{"path": source.path, "text": source.text} for source in sources],
        }
        self._write(self.path / _CONFIG, json.dumps(document).encode())

    def last_config(self) -> tuple[tuple[Source, ...], float] | None:
        """Return the last accepted config and when it was, None when there is none to be had."""
        try:
            document: dict[str, Any] = json.loads((self.path / _CONFIG).read_bytes())
            sources = tuple(Source(s["path"], s["text"]) for s in document["sources"])
            return sources, float(document["accepted"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep_list(self, name: str, text: bytes) -> None:
        """Keep the text of a list that its source confirmed just now."""
        path = self._list_path(name)
        kept = self.last_list(name)
        if kept is not None and kept.text == text:
            os.utime(path)
        else:
            self._write(path, text)

    def last_list(self, name: str) -> KeptList | None:
        """Return the last good text of a list, None when there is none to be had."""
        path = self._list_path(name)
        try:
            return KeptList(path.read_bytes(), path.stat().st_mtime)
        except OSError:
            return None

    def _list_path(self, name: str) -> Path:
        return self.path / _LISTS / f"{name}.txt"

    def _write(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".new")
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
