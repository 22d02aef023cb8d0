"""Real lists, names and captures that lie beside the checkout on some machines only.

Where they are, tests use them; elsewhere the same facts are tested on the small sets in
tests/facts/, and the run says at its end which data were left out.
"""

import lzma
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

CHECKOUT = Path(__file__).resolve().parents[2]
FACTS = CHECKOUT / "tests" / "facts"

_BESIDE = CHECKOUT.parent / "shared" / "data"
SHARED: Path | None = _BESIDE if _BESIDE.is_dir() else None

_Test = TypeVar("_Test", bound=Callable[..., None])
_left_out: list[str] = []


def needs_shared(*paths: str) -> Callable[[_Test], _Test | None]:
    """Let a test exist only where these files of the shared data do; elsewhere it is left out."""

    def decorate(test: _Test) -> _Test | None:
        missing = [path for path in paths if SHARED is None or not (SHARED / path).exists()]
        if not missing:
            return test
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        _left_out.append(f"{test.__module__}.{test.__name__} (needs {missing[0]}{others})")
        return None

    return decorate


def shared(path: str) -> Path:
    """Return the path of a file of the shared data; for tests marked with `needs_shared`."""
    if SHARED is None:
        raise FileNotFoundError(f"{path}: mark the test with needs_shared({path!r})")
    return SHARED / path


def read_shared(path: str) -> bytes:
    """Return the content of a file of the shared data, decompressed when it is an .xz file."""
    content = shared(path).read_bytes()
    return lzma.decompress(content) if path.endswith(".xz") else content


def read_facts(file: str) -> list[str]:
    """Return the lines of a file in tests/facts/, without comments and blank lines."""
    lines = (line.strip() for line in (FACTS / file).read_text("utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def left_out() -> list[str]:
    """Return which tests this run leaves out for want of data, for the summary at its end."""
    return sorted(_left_out)
