"""The state directory: the last accepted config, the generations of lists, the saved image.

Whatever happens, each file there is a whole old one or a whole new one. A full disk costs the
record, never the service.
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dnsguard.config import Source
from dnsguard.lists.compiled import Compiled, load, save
from dnsguard.lists.durable import write_durably
from dnsguard.lists.generations import GenerationStore

_CONFIG = "accepted-config.json"
_IMAGE = "lists.image"
_LISTS = "lists"


class StateDirectory:
    """What survives a restart. The methods that write raise OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lists = GenerationStore(path / _LISTS)

    def keep_config(self, sources: Sequence[Source]) -> None:
        """Keep the files of a config that was accepted."""
        document = {
            "accepted": time.time(),
            "sources": [{"path": source.path, "text": source.text} for source in sources],
        }
        write_durably(self.path / _CONFIG, json.dumps(document).encode())

    def keep_compiled(self, compiled: Compiled) -> None:
        """Keep compiled lists for a quick start."""
        save(self.path / _IMAGE, compiled)

    def last_compiled(self) -> Compiled | None:
        """Return the compiled lists that were kept last, None when there are none to be had."""
        return load(self.path / _IMAGE)

    def last_config(self) -> tuple[tuple[Source, ...], float] | None:
        """Return the last accepted config and when it was, None when there is none to be had."""
        try:
            document: dict[str, Any] = json.loads((self.path / _CONFIG).read_bytes())
            sources = tuple(Source(s["path"], s["text"]) for s in document["sources"])
            return sources, float(document["accepted"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
