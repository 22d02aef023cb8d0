"""What the fuzzer found worth keeping, and what it began with, in this build.

A target is a file in `targets/`: `run` takes octets and raises when something is wrong, `seeds`
gives octets to begin with, `WORDS`, if there, what texts are made of. `make fuzz` follows what
they do in the plain build; `scripts/fuzz --merge` keeps some of what reaches more than the
seeds. Octets that led to a fault are kept under a name that says which.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

import pytest

CORPUS = Path(__file__).with_name("corpus")
TARGETS = sorted(path.stem for path in Path(__file__).with_name("targets").glob("*.py"))
MAX_OCTETS = 300_000  # of all targets, so that a clone stays small


@pytest.mark.parametrize("target", TARGETS)
def test_what_was_found_does_no_harm(target: str) -> None:
    files = sorted((CORPUS / target).iterdir())
    assert files
    replay(target, ((path.name, path.read_bytes()) for path in files))


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_begun_with_does_no_harm(target: str) -> None:
    seeds = import_module(f"tests.fuzz.targets.{target}").seeds()
    replay(target, ((f"seed {number}", seed) for number, seed in enumerate(seeds)))


def replay(target: str, inputs: Iterable[tuple[str, bytes]]) -> None:
    run: Callable[[bytes], None] = import_module(f"tests.fuzz.targets.{target}").run
    for name, octets in inputs:
        try:
            run(octets)
        except Exception as fault:
            raise AssertionError(f"{target}, {name}: {octets.hex()}") from fault


def test_it_stays_small() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < MAX_OCTETS
