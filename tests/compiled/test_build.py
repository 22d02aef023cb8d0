"""What does not compile: an error where that is required, else the plain build and one line."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.data import CHECKOUT

# Two of the modules are enough to see that all are compiled or none.
MODULES = ["names", "wire"]
FALLS_BACK = "dnsguard will run uncompiled"

Fault = tuple[str, str, dict[str, str]]
"""What is added to which file of types, and the environment to build in."""
NO_COMPILER: Fault = ("wire.pxd", "", {"PATH": "/nonexistent"})
NO_CYTHON: Fault = ("wire.pxd", "cdef class Query(\n", {})
NO_C: Fault = ("wire.pxd", 'cdef extern from "there-is-no-such-header.h":\n    pass\n', {})
FAULTS = pytest.mark.parametrize(
    "fault", [NO_COMPILER, NO_CYTHON, NO_C], ids=["no compiler", "no Cython", "no C"]
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of what is built, with few modules to compile."""
    for name in ("README.md", "LICENSE", "pyproject.toml"):
        shutil.copy(CHECKOUT / name, tmp_path)
    for name in ("dnsguard", "blocklists"):
        unwanted = shutil.ignore_patterns("*.so", "*.c", "__pycache__")
        shutil.copytree(CHECKOUT / name, tmp_path / name, ignore=unwanted)
    modules = "".join(f'    "dnsguard.core.{module}",\n' for module in MODULES)
    setup = (CHECKOUT / "setup.py").read_text("utf-8")
    fewer, found = re.subn(r"(?s)(?<=^COMPILED = \[\n).*?(?=^\])", modules, setup, flags=re.M)
    assert found == 1
    (tmp_path / "setup.py").write_text(fewer, "utf-8")
    return tmp_path


def build(tree: Path, *, required: bool, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build", "--build-base", "build"],
        cwd=tree,
        env={**os.environ, "DNSGUARD_REQUIRE_COMPILED": str(int(required)), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def build_with(fault: Fault, tree: Path, *, required: bool) -> subprocess.CompletedProcess[str]:
    file, text, environ = fault
    with (tree / "dnsguard" / "core" / file).open("a") as types:
        types.write(text)
    return build(tree, required=required, **environ)


def built(tree: Path) -> set[str]:
    return {path.name.partition(".")[0] for path in (tree / "build").glob("lib*/**/*.so")}


@FAULTS
def test_where_it_is_required_the_build_fails(tree: Path, fault: Fault) -> None:
    done = build_with(fault, tree, required=True)
    assert done.returncode != 0
    assert FALLS_BACK not in done.stderr


@FAULTS
def test_elsewhere_all_of_it_is_plain_and_one_line_says_so(tree: Path, fault: Fault) -> None:
    done = build_with(fault, tree, required=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(FALLS_BACK) == 1
    assert built(tree) == set()
    assert list((tree / "build").glob("lib*/dnsguard/core/wire.py"))


def test_without_a_fault_it_is_compiled(tree: Path) -> None:
    done = build(tree, required=True)
    assert done.returncode == 0, done.stderr
    assert built(tree) == set(MODULES)
    assert FALLS_BACK not in done.stderr
