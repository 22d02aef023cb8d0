"""Code that a program runs before its own, so that it fails as no real one does on demand."""

import os
from pathlib import Path


def customized(folder: Path, code: str) -> dict[str, str]:
    """Return what to add to the environment of a program, so that it runs code of ours first."""
    (folder / "sitecustomize.py").write_text(code, "utf-8")
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths)}
