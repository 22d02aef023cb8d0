"""The UDP listener on real sockets."""

import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import dns.message
import dns.rcode
import pytest
import uvloop
from hypothesis import HealthCheck, given, settings

from dnsguard.core import counters
from dnsguard.core.policy import PASS
from dnsguard.core.protocol import Source
from dnsguard.core.view import Verdict
from tests.support.generations import Ban, Setup
from tests.support.loops import wait_for
from tests.support.scripted import ScriptedUpstream, telling
from tests.support.shell import Shell, addresses, make_query
from tests.support.strategies import queries

LOCAL = Setup(
    local_records=[
        "printer.city.internal. 300 IN A 10.0.0.9",
        *(f"n{number}.city.internal. 300 IN A 10.1.{number // 250}.1" for number in range(300)),
    ]
)
PRINTER = "printer.city.internal"


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    with Shell(LOCAL) as running:
        yield running


@pytest.mark.parametrize(
    ("listen", "asked"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.5"),
        ("0.0.0.0", "127.8.9.10"),
        ("::", "::1"),
        ("127.0.0.5", "127.0.0.5"),
        ("::1", "::1"),
    ],
)
def test_answers_leave_from_the_address_asked(listen: str, asked: str) -> None:
    with Shell(LOCAL, listen) as shell, shell.datagrams(to=asked) as client:
        # Connected, so an answer from any other address is not received.
        client.send(make_query(PRINTER))
        assert addresses(dns.message.from_wire(client.recv(4096))) == ["10.0.0.9"]


@pytest.mark.parametrize(("listen", "asked"), [("0.0.0.0", "127.0.0.5"), ("::", "::1")])
def test_forwarded_answers_too(listen: str, asked: str) -> None:
    with (
        ScriptedUpstream(telling()) as upstream,
        Shell(Setup(upstreams=[upstream.url]), listen) as shell,
        shell.datagrams(to=asked) as client,
    ):
        client.send(make_query("www.example.org"))
        assert addresses(dns.message.from_wire(client.recv(4096))) == ["192.0.2.80"]


def test_a_burst_to_several_addresses_is_answered_from_each() -> None:
    with Shell(LOCAL, "0.0.0.0") as shell:
        clients = [shell.datagrams(to=f"127.0.0.{number}") for number in range(1, 9)]
        try:
            for number in range(30):
                for client in clients:
                    client.send(make_query(f"n{number}.city.internal", id=number))
            for client in clients:
                answered = {dns.message.from_wire(client.recv(4096)).id for _ in range(30)}
                assert answered == set(range(30))
        finally:
            for client in clients:
                client.close()


def test_more_datagrams_than_one_wake_up_takes(shell: Shell) -> None:
    with shell.datagrams() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)

        def send_while_the_loop_stands_still() -> None:
            for number in range(250):
                client.send(make_query(f"n{number}.city.internal", id=number))

        shell.thread.call(send_while_the_loop_stands_still)
        answered = {dns.message.from_wire(client.recv(4096)).id for _ in range(250)}
        assert answered == set(range(250))


@pytest.mark.parametrize(
    "sizes", [*(range(n, n + 100) for n in range(0, 600, 100)), (1232, 4095, 4096, 4097, 65_507)]
)
def test_every_size(shell: Shell, sizes: Sequence[int]) -> None:
    query = make_query(PRINTER)
    with shell.datagrams() as client:
        for size in sizes:
            client.send((query + bytes(size))[:size])
        client.send(make_query(PRINTER, id=4711))
        while (answer := client.recv(65_535))[:2] != (4711).to_bytes(2, "big"):
            assert len(answer) >= 12
    assert addresses(dns.message.from_wire(answer)) == ["10.0.0.9"]


def test_an_unreachable_client_does_not_stop_the_listener() -> None:
    # With the answer refused by ICMP, a later receive may report the error.
    with ScriptedUpstream(telling(delay=0.05)) as upstream:
        setup = Setup(upstreams=[upstream.url], local_records=LOCAL.local_records)
        with Shell(setup) as shell:
            for number in range(20):
                with shell.datagrams() as gone:
                    gone.send(make_query(f"gone{number}.example.org"))
            wait_for(lambda: len(set(upstream.names)) == 20, "the upstream is asked")
            assert addresses(shell.ask("here.example.org")) == ["192.0.2.80"]
            assert addresses(shell.ask(PRINTER)) == ["10.0.0.9"]


def test_answers_are_counted_with_their_time(shell: Shell) -> None:
    before = sum(shell.page)
    shell.ask(PRINTER)
    wait_for(lambda: sum(shell.page) > before, "the counters grow")


def test_a_dropped_query_gets_nothing_and_the_next_one_its_answer() -> None:
    setup = Setup(
        groups={"staff": ["127.0.0.2/32"]},
        policies={"ban": Ban(answer="drop")},
        local_records=LOCAL.local_records,
    )
    with Shell(setup) as shell, shell.datagrams(source="127.0.0.2") as client:
        client.send(make_query("www.tiktok.com", id=1))
        client.send(make_query(PRINTER, id=2))
        assert dns.message.from_wire(client.recv(4096)).id == 2


def test_the_group_is_that_of_the_source_address() -> None:
    with ScriptedUpstream(telling()) as upstream:
        setup = Setup(groups={"staff": ["127.0.0.2/32"]}, upstreams=[upstream.url])
        with Shell(setup) as shell:
            for _ in range(3):
                assert addresses(shell.ask("www.tiktok.com", source="127.0.0.2")) == ["0.0.0.0"]
                assert addresses(shell.ask("www.tiktok.com", source="127.0.0.3")) == ["192.0.2.80"]


def test_strangers_are_refused() -> None:
    with Shell(Setup(allow_clients=["127.0.0.1/32"])) as shell:
        assert shell.ask(PRINTER, source="127.0.0.9").rcode() == dns.rcode.REFUSED


def test_a_fault_of_ours_costs_one_query_and_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    setup = replace(LOCAL, groups={"staff": ["127.0.0.1/32"]})
    with Shell(setup) as shell, shell.datagrams() as client:
        view = shell.resolver.policy.view(b"\x7f\0\0\1")
        shell.thread.call(lambda: view.verdicts.extend(["nothing"] * 3))  # type: ignore[list-item]
        view.verdicts[PASS] = Verdict()
        client.send(make_query("www.tiktok.com"))
        client.send(make_query(PRINTER))
        assert addresses(dns.message.from_wire(client.recv(4096))) == ["10.0.0.9"]
        assert shell.page[counters.INTERNAL_ERRORS] == 1
        shell.page[counters.INTERNAL_ERRORS] = 0
    assert "answering a UDP query" in caplog.text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=queries())
def test_any_octets_and_the_next_query_is_answered(shell: Shell, data: bytes) -> None:
    with shell.datagrams() as client:
        client.send(data)
        client.send(make_query(PRINTER, id=4711))
        while b"\x07printer" not in (answer := client.recv(65_535)):
            assert answer[2] & 0x80
    assert addresses(dns.message.from_wire(answer)) == ["10.0.0.9"]


def test_what_an_answer_took_is_measured_finer_than_the_loop_counts() -> None:
    sum_of_local = counters.RESPONSE_SECONDS + Source.LOCAL * counters.HISTOGRAM_SIZE
    sum_of_local += counters.HISTOGRAM_SIZE - 1
    sums = [0]
    with Shell(LOCAL, make_loop=uvloop.new_event_loop) as shell, shell.datagrams() as client:
        for number in range(1, 100):
            client.send(make_query(PRINTER))
            client.recv(4096)
            wait_for(partial(has_observed, shell, number), "it is counted")
            sums.append(shell.page[sum_of_local])
    # By uvloop's clock, which moves once a millisecond, each took nothing or a whole one.
    took = {after - before for before, after in pairwise(sums)}
    assert any(0 < microseconds < 900 for microseconds in took)


def has_observed(shell: Shell, number: int) -> bool:
    first = counters.RESPONSE_SECONDS + Source.LOCAL * counters.HISTOGRAM_SIZE
    return sum(shell.page[first : first + counters.HISTOGRAM_SIZE - 1]) == number
