"""The programs in C of this folder, compiled when they are needed."""

import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent


def compile_program(name: str, folder: Path) -> Path:
    """Compile NAME.c into a folder unless it is there; return the program."""
    program = folder / name
    if not program.exists():
        source = FOLDER / f"{name}.c"
        subprocess.run(["gcc", "-O2", "-Wall", "-o", str(program), str(source)], check=True)
    return program
