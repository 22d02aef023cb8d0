"""Fault row 1: an upstream is dead, refuses, or takes connections and says nothing."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.faults.driver import ALL, Pair, long, running_pair, under_load
from tests.support.scripted import ScriptedUpstream, silent
from tests.support.truth import truth

Fault = Callable[[ScriptedUpstream], AbstractContextManager[None]]


@contextmanager
def silence(upstream: ScriptedUpstream) -> Iterator[None]:
    """Have an upstream take whatever comes, connections too, and say nothing."""
    upstream.script = silent
    try:
        yield
    finally:
        upstream.script = truth


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(silence, id="silent"),
        pytest.param(ScriptedUpstream.stopped, marks=long, id="refusing"),
    ],
)
def test_the_next_one_answers_and_a_probe_returns_it(pair: Pair, fault: Fault) -> None:
    fails_over(pair, fault)


@long
def test_one_that_takes_connections_and_says_nothing(tmp_path: Path) -> None:
    with running_pair(tmp_path, tcp=True) as pair:
        fails_over(pair, silence)


def fails_over(pair: Pair, fault: Fault) -> None:
    """Check that no client is told of a fault of the first upstream, and that it returns."""
    with under_load(pair.server) as load:
        load.phase("calm").check_right(*ALL)
        with fault(pair.first):
            load.phase("first upstream gone").check_right(*ALL)
            pair.server.wait_for(lambda: pair.up() == [False, True])
            later = load.phase("known to be gone")
            later.check_right(*ALL)
            # A machine that pauses makes the second one late, and then the first is tried again.
            assert later.asked(pair.first) < len(later.of("fresh", "alias")) / 2
        pair.server.wait_for(lambda: pair.up() == [True, True])
        back = load.phase("back")
        back.check_right(*ALL)
        assert back.asked(pair.first) > 0
