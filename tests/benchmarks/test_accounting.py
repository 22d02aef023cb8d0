import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import accounting


def write_process(proc: Path, pid: int, parent: int, name: str = "server") -> None:
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "stat").write_text(f"{pid} ({name}) S {parent} 1 1 0 -1\n", "utf-8")


def test_a_tree_is_a_process_and_its_descendants(tmp_path: Path) -> None:
    for pid, parent in ((1, 0), (10, 1), (11, 10), (12, 11), (20, 1)):
        write_process(tmp_path, pid, parent)
    (tmp_path / "self").mkdir()
    assert accounting.tree(10, tmp_path) == [10, 11, 12]


def test_a_name_with_spaces_and_brackets_does_not_hide_a_child(tmp_path: Path) -> None:
    write_process(tmp_path, 11, 10, "a) S 99 (b")
    assert accounting.tree(10, tmp_path) == [10, 11]


def test_a_process_that_ends_meanwhile_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    assert accounting.tree(10, tmp_path) == [10]


def test_cpu_time_is_that_of_the_process() -> None:
    before = time.process_time()
    measured = accounting.cpu_seconds([os.getpid()])
    assert before <= measured <= time.process_time()


def test_cpu_time_counts_every_process_of_a_tree() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        tree = accounting.tree(os.getpid())
        assert child.pid in tree
        own = accounting.cpu_seconds([os.getpid()])
        assert accounting.cpu_seconds([child.pid, os.getpid()]) > own
        child.communicate(b"\n")


def test_a_process_that_is_gone_costs_nothing() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert accounting.cpu_seconds([gone.pid]) == 0
    assert accounting.memory([gone.pid]) == 0


def test_a_busy_core_counts_all_but_idle_and_waiting(tmp_path: Path) -> None:
    lines = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 20 30 4000 500 6 7 800 0 0\n"
    (tmp_path / "stat").write_text(lines, "ascii")
    assert accounting.busy_seconds(0, tmp_path) == 163 / accounting.TICK


def test_a_core_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("cpu0 1 1 1 1 1 1 1 1 0 0\n", "ascii")
    with pytest.raises(ValueError, match="core 3 is not in"):
        accounting.busy_seconds(3, tmp_path)


def test_memory_is_the_pss_of_all(tmp_path: Path) -> None:
    for pid, kilobytes in ((10, 1000), (11, 500)):
        (tmp_path / str(pid)).mkdir()
        text = f"Rss: 9 kB\nPss: {kilobytes} kB\nPss_Anon: 7 kB\n"
        (tmp_path / str(pid) / "smaps_rollup").write_text(text, "ascii")
    assert accounting.memory([10, 11], tmp_path) == 1500 * 1024 / 1e6
