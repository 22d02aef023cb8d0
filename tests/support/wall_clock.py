"""A wall clock that a test sets for one program, by libfaketime; its monotonic clock goes on.

clock = WallClock(tmp_path)
with running(tmp_path, config, environ=clock.environ) as server:
    clock.set("-1d")
"""

from pathlib import Path


class WallClock:
    """The clock of the programs that are started with `environ`; right until it is set."""

    def __init__(self, folder: Path, now: str = "+0") -> None:
        self._file = folder / "clock"
        self.set(now)
        (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
        self.environ = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # Or threads pass the interpreter's lock on by a monotonic clock that it shifts.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }
        """What to add to the environment of a program."""

    def set(self, now: str) -> None:
        """Set it, to `+365d` or `-1d` from what is right, or to `@1970-01-02 00:00:00`."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{now}\n", "ascii")
        new.replace(self._file)  # an empty file would end the program
