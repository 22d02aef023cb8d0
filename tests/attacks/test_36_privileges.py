"""Privileges and supplies: none but the port, no file but its own, no package but the pinned."""

import itertools
import os
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.data import CHECKOUT
from tests.support.list_server import BLOCKED, make_list, marker, policy, update, verdict
from tests.support.loops import wait_for
from tests.support.server import Server, running

UNPRIVILEGED = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
WRITES = "creat,open,openat,openat2,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink"
WRITES += ",symlinkat,unlink,unlinkat,rmdir,truncate,chmod,fchmodat,chown,mknod,mknodat,bind"
# A file for each process: in one for all, who is interrupted has calls in two halves.
TRACED = ("strace", "--daemonize", "--follow-forks", "--output-separately", "--seccomp-bpf")
CALL = re.compile(r"(\w+)\((.*)\) += +(-?\d+)")
PATH = re.compile(r'"([^"]*)"')
ANYWHERE = ("/dev/null", "/dev/shm/", "/proc/self/")  # nothing of it is on a disk


def use(server: Server, folder: Path) -> None:
    """Do what is ever done: answer, reload, update a list, refuse a config, fail, end."""
    assert verdict(server, marker(1)) == BLOCKED
    (folder / "own.txt").write_bytes(make_list(2))
    assert update(server, "own")["own"]["result"] == "ok"
    assert verdict(server, marker(2)) == BLOCKED
    assert server.reload().status_code == 200
    before = server.config_path.read_text("utf-8")
    server.write_text("nonsense: 1\n")
    assert server.reload().status_code == 422
    server.write_text(before)
    generation = server.status()["generation"]
    os.kill(server.pid, signal.SIGHUP)
    server.wait_for(lambda: server.status()["generation"] > generation)


@contextmanager
def serving(folder: Path, prefix: Sequence[str]) -> Iterator[Server]:
    """Give a server that has done all that."""
    (folder / "own.txt").write_bytes(make_list(1))
    config = {"lists": {"own": {"source": str(folder / "own.txt")}}, **policy("own")}
    with running(folder, config, prefix=prefix) as server:
        use(server, folder)
        yield server


@pytest.mark.skipif(os.geteuid() != 0, reason="who runs it has no privileges anyway")
def test_on_another_port_it_needs_no_privilege(tmp_path: Path) -> None:
    with serving(tmp_path, UNPRIVILEGED) as server:
        workers = [worker["pid"] for worker in server.status()["workers"]]
        assert workers
        for pid in (server.pid, *workers):
            status = Path(f"/proc/{pid}/status").read_text("ascii")
            assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
            assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)


def test_it_writes_in_its_own_folders_alone(tmp_path: Path) -> None:
    folder, trace = tmp_path / "city", tmp_path / "trace"
    folder.mkdir()
    with serving(folder, (*TRACED, f"--trace={WRITES}", f"--output={trace}")) as server:
        workers = [worker["pid"] for worker in server.status()["workers"]]
    own_trace = Path(f"{trace}.{server.pid}")
    wait_for(
        lambda: own_trace.read_text("utf-8").endswith("+++ exited with 0 +++\n"),
        "the trace is written to its end",
    )
    own = (f"{folder}/state", f"{folder}/run")
    written, calls = set(), 0
    traces = list(tmp_path.glob("trace.*"))
    for line in itertools.chain.from_iterable(t.read_text("utf-8").splitlines() for t in traces):
        call = CALL.match(line)
        if call is None or int(call[3]) < 0:
            continue
        calls += 1
        if call[1].startswith("open") and not re.search(r"O_WRONLY|O_RDWR|O_CREAT", call[2]):
            continue
        if call[1] == "bind" and "AF_UNIX" not in call[2]:
            continue
        written |= set(PATH.findall(call[2]))
    assert {f"{trace.name}.{worker}" for worker in workers} <= {found.name for found in traces}
    assert calls > 100
    assert any(path.startswith(own[0]) for path in written)
    outside = {path for path in written if not path.startswith((*own, *ANYWHERE))}
    assert not outside


@pytest.mark.parametrize("lock", ["runtime", "build", "develop", "fuzz"])
def test_every_package_is_pinned_by_its_hash(lock: str) -> None:
    text = (CHECKOUT / "requirements" / f"{lock}.lock").read_text("utf-8")
    packages = re.findall(r"^[^\s#].*(?:\n\s.*)*", text, re.MULTILINE)
    assert packages
    for package in packages:
        assert re.match(r"[a-z0-9-]+(\[[a-z,]+\])?==\S+( ;.*)? \\\n", package), package
        assert "--hash=sha256:" in package, package
        assert "://" not in package.partition("# via")[0], package


def test_nothing_is_installed_without_its_hash() -> None:
    makefile = (CHECKOUT / "Makefile").read_text("utf-8")
    installs = [line for line in makefile.splitlines() if "$(PIP) install" in line]
    assert len(installs) > 2
    for line in installs:
        assert "--require-hashes" in line or "--no-deps --no-build-isolation" in line
