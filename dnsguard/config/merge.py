"""The main file and its includes as one document; whatever two files both say is a clash."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from dnsguard.config.document import Document
from dnsguard.config.problem import KeyPath

_BY_NAME = frozenset({"groups", "lists", "policies", "forward_zones"})
_JOINED = frozenset({"local_records", "never_block"})


def merge(documents: Sequence[Document]) -> Document:
    """Return one document of all, the main file's first; clashes are among its problems."""
    main = documents[0]
    merged = Document(main.file, dict(main.data), dict(main.places), list(main.problems))
    for document in documents[1:]:
        merged.problems += document.problems
        addition = _Addition(merged, document)
        for key, value in document.data.items():
            addition.add(key, value)
        addition.add_places()
    return merged


@dataclass(slots=True)
class _Addition:
    """An included document on its way into the merged one."""

    merged: Document
    document: Document
    taken: set[KeyPath] = field(default_factory=set)
    shifts: dict[str, int] = field(default_factory=dict)

    def add(self, key: str, value: object) -> None:
        """Add a top-level key, or report why not."""
        existing = self.merged.data.get(key)
        if key == "include":
            self._report((key,), "an included file cannot include others: move it to the main file")
        elif key not in self.merged.data:
            self.merged.data[key] = value
            self.taken.add((key,))
        elif key in _BY_NAME and isinstance(existing, dict) and isinstance(value, dict):
            for name in value.keys() & existing.keys():
                self._clash((key, name))
            added = {name: entry for name, entry in value.items() if name not in existing}
            self.taken.update((key, name) for name in added)
            self.merged.data[key] = {**existing, **added}
        elif key in _JOINED and isinstance(existing, tuple) and isinstance(value, tuple):
            self.merged.data[key] = existing + value
            self.shifts[key] = len(existing)
        else:
            self._clash((key,))

    def add_places(self) -> None:
        """Add the places of everything that was taken."""
        for path, place in self.document.places.items():
            if path[:1] in self.taken or path[:2] in self.taken:
                self.merged.places[path] = place
            elif len(path) > 1 and path[0] in self.shifts:
                index = int(path[1]) + self.shifts[str(path[0])]
                self.merged.places[(path[0], index, *path[2:])] = place

    def _clash(self, path: KeyPath) -> None:
        self._report(path, f"already set in {self.merged.place(path)}: keep one of the two")

    def _report(self, path: KeyPath, message: str) -> None:
        self.merged.problems.append((path, message, self.document.place(path)))
