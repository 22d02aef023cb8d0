"""Fault row 1: an upstream is dead, refuses, or takes connections and says nothing."""

from pathlib import Path

from tests.faults.driver import RIGHT, config, under_load
from tests.support.scripted import ScriptedUpstream, silent
from tests.support.server import running
from tests.support.truth import truth


def test_silent(tmp_path: Path) -> None:
    with (
        ScriptedUpstream(truth) as first,
        ScriptedUpstream(truth) as second,
        running(tmp_path, config(first.url, second.url)) as server,
        under_load(server) as load,
    ):
        load.phase("calm").check_right("cached", "fresh", "blocked", "alias", "open")
        first.script = silent
        during = load.phase("first upstream silent")
        during.check_right("cached", "blocked", "open")
        assert set(during.outcomes("fresh", "alias")) == {RIGHT}
        first.script = truth
        load.recovers("fresh")
