"""A worker as a process, with the test in the place of the control plane."""

import signal
import socket
from collections.abc import Iterator
from time import time

import dns.edns
import dns.message
import dns.rcode
import pytest

from dnsguard.core import counters
from dnsguard.core.view import Stage
from tests.support.generations import Ban, Setup
from tests.support.loops import DEADLINE, wait_for
from tests.support.scripted import PROBED, TRUE, ScriptedUpstream, silent
from tests.support.shell import addresses
from tests.support.workers import WorkerProcess

PRINTER = "printer.city.internal"


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    with WorkerProcess() as running:
        yield running


def setup(
    upstream: ScriptedUpstream, stage: Stage = Stage.ENFORCE, number: int = 1
) -> tuple[bytes, bytes]:
    return Setup(
        groups={"staff": ["127.0.0.2/32"]},
        policies={"ban": Ban(stage=stage)},
        local_records=[f"{PRINTER}. 300 IN A 10.0.0.9"],
        upstreams=[upstream.url],
        number=number,
    ).buffers()


def test_serves_from_the_first_generation_and_tells(
    worker: WorkerProcess, upstream: ScriptedUpstream
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as early:
        early.settimeout(DEADLINE)
        early.connect(("127.0.0.1", worker.port))
        early.send(dns.message.make_query(PRINTER, "A").to_wire())  # waits in the socket
        worker.send(setup(upstream, number=41))
        assert worker.receive() == {"serving": 41}
        assert worker.receive() == {"listening": worker.process.pid}
        assert addresses(dns.message.from_wire(early.recv(4096))) == ["10.0.0.9"]
    for tcp in (False, True):
        assert addresses(worker.ask("www.tiktok.com", source="127.0.0.2", tcp=tcp)) == ["0.0.0.0"]
        assert addresses(worker.ask("www.tiktok.com", tcp=tcp)) == [TRUE]


def test_the_first_cookie_has_the_time_of_day(
    worker: WorkerProcess, upstream: ScriptedUpstream
) -> None:
    query = dns.message.make_query(PRINTER, "A", options=[dns.edns.CookieOption(b"abcdefgh", b"")])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as early:
        early.settimeout(DEADLINE)
        early.connect(("127.0.0.1", worker.port))
        early.send(query.to_wire())  # waits in the socket
        earliest = int(time())
        worker.start(setup(upstream))
        [option] = dns.message.from_wire(early.recv(4096)).options
    assert isinstance(option, dns.edns.CookieOption)
    assert earliest <= int.from_bytes(option.server[4:8], "big") <= time()


def test_swaps_and_acknowledges(worker: WorkerProcess, upstream: ScriptedUpstream) -> None:
    worker.start(setup(upstream, Stage.OFF))
    for number in range(2, 30):
        stage = Stage.ENFORCE if number % 2 else Stage.OFF
        worker.send(setup(upstream, stage, number))
        assert worker.receive() == {"serving": number}
        wanted = "0.0.0.0" if number % 2 else TRUE
        assert addresses(worker.ask("www.tiktok.com", source="127.0.0.2")) == [wanted]


@pytest.mark.parametrize(
    "damage",
    [
        *("empty", "magic", "half", "settings", "not JSON"),
        *("no lists", "magic of the lists", "half of the lists", "swapped"),
        *("no descriptor", "one descriptor", "three descriptors"),
    ],
)
def test_goes_on_with_the_old_when_a_generation_is_damaged(
    worker: WorkerProcess, upstream: ScriptedUpstream, damage: str
) -> None:
    good, lists = setup(upstream, number=2)
    worker.start(setup(upstream))
    damaged = {
        "empty": (b"", lists),
        "magic": (b"x" + good[1:], lists),
        "half": (good[: len(good) // 2], lists),
        "settings": (good.replace(b'"views"', b'"viewz"'), lists),
        "no lists": (good, b""),
        "magic of the lists": (good, b"x" + lists[1:]),
        "half of the lists": (good, lists[: len(lists) // 2]),
        "swapped": (lists, good),
    }
    if damage in damaged:
        worker.send(damaged[damage])
    elif damage == "not JSON":
        worker.channel.send(b"{")
    else:
        with socket.socket() as some:
            count = ["no descriptor", "one descriptor", "", "three descriptors"].index(damage)
            socket.send_fds(worker.channel, [b"{}"], [some.fileno()] * count)
    wait_for(lambda: worker.counter(counters.INTERNAL_ERRORS) == 1, "the damage is counted")
    assert addresses(worker.ask("www.tiktok.com", source="127.0.0.2")) == ["0.0.0.0"]
    worker.send((good, lists))
    assert worker.receive() == {"serving": 2}  # the first message since: no other was taken


def test_exits_when_the_channel_ends(worker: WorkerProcess, upstream: ScriptedUpstream) -> None:
    worker.start(setup(upstream))
    worker.channel.close()
    assert worker.process.wait(DEADLINE) == 0


def test_exits_before_any_generation_too(worker: WorkerProcess) -> None:
    worker.channel.close()
    assert worker.process.wait(DEADLINE) == 0


def test_exits_on_sigterm_with_queries_under_way(
    worker: WorkerProcess, upstream: ScriptedUpstream
) -> None:
    upstream.script = silent
    worker.start(setup(upstream))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        query = dns.message.make_query("www.example.org", "A").to_wire()
        client.sendto(query, ("127.0.0.1", worker.port))
        wait_for(lambda: upstream.names, "the query is under way")
        worker.signal(signal.SIGTERM)
        assert worker.process.wait(DEADLINE) == 0


def test_the_terminal_s_signals_are_not_for_workers(
    worker: WorkerProcess, upstream: ScriptedUpstream
) -> None:
    worker.start(setup(upstream))
    for number in (signal.SIGINT, signal.SIGHUP):
        worker.signal(number)
        for _ in range(20):
            assert addresses(worker.ask(PRINTER)) == ["10.0.0.9"]
    assert worker.process.poll() is None


def test_counts_in_its_page(worker: WorkerProcess, upstream: ScriptedUpstream) -> None:
    worker.start(setup(upstream))
    for number in range(20):
        worker.ask(f"n{number}.example.org")
    wait_for(lambda: worker.counter(counters.CACHE_ENTRIES) == 20, "the cache is shown")
    assert worker.counter(counters.CACHE_BYTES) > 0
    assert worker.counter(counters.response_index(1, dns.rcode.NOERROR)) == 20


def test_probes_its_upstreams_while_nobody_asks(
    worker: WorkerProcess, upstream: ScriptedUpstream
) -> None:
    worker.start(setup(upstream))
    wait_for(lambda: upstream.received, "the upstream is probed")
    assert upstream.received[0].name.endswith(PROBED)


def test_without_file_descriptors_it_serves_what_it_can(
    worker: WorkerProcess, upstream: ScriptedUpstream
) -> None:
    worker.start(setup(upstream))
    worker.ask("warm.example.org")
    worker.limit_descriptors(40)
    connections = []
    for _ in range(100):
        connection = socket.create_connection(("127.0.0.1", worker.port))
        connections.append(connection)
    for number in range(10):
        # Whatever an upstream socket cannot be had for is answered all the same.
        worker.ask(f"n{number}.example.org")
        assert addresses(worker.ask(PRINTER)) == ["10.0.0.9"]
        assert addresses(worker.ask("warm.example.org")) == [TRUE]
    for connection in connections:
        connection.close()
    wait_for(lambda: _answers_over_tcp(worker), "it takes connections again")
    assert addresses(worker.ask("later.example.org", tcp=True)) == [TRUE]
    assert worker.process.poll() is None


def _answers_over_tcp(worker: WorkerProcess) -> bool:
    try:
        return addresses(worker.ask(PRINTER, tcp=True)) == ["10.0.0.9"]
    except (ConnectionError, EOFError):  # it has not noticed yet that the others have gone
        return False


def test_a_socket_it_cannot_serve_ends_it_with_an_error(upstream: ScriptedUpstream) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs, WorkerProcess(more=[theirs]) as worker:
        worker.send(setup(upstream))
        assert worker.process.wait(DEADLINE) == 1
    assert "cannot listen" in worker.log
