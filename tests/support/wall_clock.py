"""A wall clock that a test sets for one program, by libfaketime; its monotonic clock goes on.

clock = WallClock(tmp_path)
with running(tmp_path, config, environ=clock.environ) as server:
    clock.set(-DAY)
"""

import time
from pathlib import Path

DAY = 86_400.0
YEAR = 365 * DAY


class WallClock:
    """The clock of the programs that are started with `environ`, so many seconds off."""

    def __init__(self, folder: Path, offset: float = 0.0) -> None:
        self._file = folder / "clock"
        self.set(offset)
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

    def set(self, offset: float) -> None:
        """Set it so many seconds off what is right."""
        self._offset = offset
        new = self._file.with_suffix(".new")
        new.write_text(f"{offset:+.0f}\n", "ascii")
        new.replace(self._file)  # an empty file would end the program

    def now(self) -> float:
        """Return the seconds since 1970 that it shows."""
        return time.time() + self._offset


def in_1970() -> float:
    """Return the offset of a clock that has lost its battery and was just switched on."""
    return 60.0 - time.time()
