"""Every command that the documentation tells people to type is run here, or it says why not."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dnsguard.config import system_upstreams
from tests.support.loops import wait_for
from tests.support.netns import Namespace, namespaces
from tests.support.scripted import TRUE, ScriptedUpstream, telling

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "deploy" / "README.md"]

REGISTERED = "dig -b 127.0.0.2 @127.0.0.1 -p 10053 www.tiktok.com"
UNREGISTERED = "dig @127.0.0.1 -p 10053 www.tiktok.com"
RUN = {REGISTERED, UNREGISTERED}
NOT_RUN = {
    "make run": "its one step, `serve --demo`, is run here; the others are why you can read this",
    "make test": "is what runs this",
    r"apt-get .*|python3 -m venv .*|/opt/.*|ln .*|install .*|systemd-sysusers .*": (
        "changes the machine; tests/deploy/test_readme.py looks at each file and where it goes"
    ),
    r"systemctl .*": "there is no systemd in a container; tests/processes has a stand-in",
    r"ss .*": "shows what runs on this machine",
    "dnsguard check( && .*)?": "tests/deploy/test_config.py checks the file that it is for",
    "dnsguard status|dnsguard why .*": "tests/cli and tests/scenarios run these",
    "dnsguard lists .*|minisign .*|tail .*|sha256sum .*": (
        "tests/test_lists_page.py types these, in the order of docs/lists.md"
    ),
    "dig @127.0.0.1 [+]dnssec .*": (
        "asks the Internet; tests/scenarios/test_dnssec.py asks the same of zones of its own"
    ),
    "unbound-checkconf .*": "tests/deploy/test_unbound.py runs it where the file is here",
    "dig @<.*": "the address is the reader's; tests/netns asks a whole gateway",
    "promtool check config .*": "tests/deploy/test_prometheus.py runs it where the file is here",
}


def commands(document: Path) -> list[str]:
    """Return the commands in the shell blocks of a document, one a line, without comments."""
    blocks = re.findall(
        r"^```(?:sh|shell|bash|console)\n(.*?)^```", document.read_text("utf-8"), re.M | re.S
    )
    lines = "".join(blocks).replace("\\\n", "").splitlines()
    return [command for line in lines if (command := line.partition(" #")[0].strip())]


ALL = sorted({command for document in DOCUMENTS for command in commands(document)})


@pytest.mark.parametrize("command", ALL)
def test_a_command_is_run_or_there_is_a_reason(command: str) -> None:
    reasons = [reason for pattern, reason in NOT_RUN.items() if re.fullmatch(pattern, command)]
    assert len(reasons) + (command in RUN) == 1


@pytest.mark.parametrize("pattern", [*map(re.escape, sorted(RUN)), *NOT_RUN])
def test_nothing_is_listed_that_nobody_is_told_to_type(pattern: str) -> None:
    assert any(re.fullmatch(pattern, command) for command in ALL)


def test_make_run_is_the_demo() -> None:
    recipe = re.search(r"^run: \.venv\n(.*\n(?:\t.*\n)*)", (ROOT / "Makefile").read_text(), re.M)
    assert recipe
    assert recipe[1].split() == [".venv/bin/dnsguard", "serve", "--demo"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Namespace, str]]:
    """Run the demo on a host of its own, for its ports are fixed; give what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    with namespaces("demo") as (host,), system_resolvers(host):
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*host.prefix, sys.executable, "-P", "-m", "dnsguard", "serve", "--demo"],
                cwd=folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_for(lambda: process.poll() is not None or "serving on" in log.read_text(), "serve")
            assert process.poll() is None, log.read_text()
            yield host, log.read_text()
        finally:
            process.terminate()
            assert process.wait(30) == 0


@contextmanager
def system_resolvers(host: Namespace) -> Iterator[None]:
    """Put a resolver where this machine's own ones are, as seen from the host."""
    urls = system_upstreams(Path("/etc/resolv.conf").read_text()) or ["udp://127.0.0.1"]
    with ExitStack() as started:
        for address in {str(urlsplit(url).hostname) for url in urls}:
            if not address.startswith("127."):
                host.add_address(f"{address}/{128 if ':' in address else 32}", "lo")
            with host.entered():  # its thread stays there
                started.enter_context(ScriptedUpstream(telling(), address, 53))
        yield


def test_the_demo_and_the_readme_name_the_same_commands(demo: tuple[Namespace, str]) -> None:
    _, printed = demo
    told = [line.partition("#")[0].strip() for line in printed.splitlines()]
    assert [line for line in told if line.startswith("dig")] == [REGISTERED, UNREGISTERED]


@pytest.mark.parametrize(("command", "answer"), [(REGISTERED, "0.0.0.0"), (UNREGISTERED, TRUE)])
def test_the_demo_answers_as_the_readme_says(
    demo: tuple[Namespace, str], command: str, answer: str
) -> None:
    host, _ = demo
    run = subprocess.run(
        [*host.prefix, *shlex.split(command)], capture_output=True, text=True, check=True
    )
    assert re.findall(r"^www\.tiktok\.com\.\s.*\sA\s+(\S+)$", run.stdout, re.M) == [answer]
    said = re.search(r"EDE: 15 \(Blocked\): \(.*: tiktok-ban\)", run.stdout)
    assert bool(said) == (command == REGISTERED)
