"""The kernel loses packets: what our sockets had no room for is counted, and the rest goes on."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from select import select

from tests.faults.driver import ALL, UNREGISTERED, config, under_load
from tests.processes.clients import answered, clients, send
from tests.scenarios.client import compose
from tests.support.metrics import read_samples
from tests.support.netns import namespaces
from tests.support.scripted import ScriptedUpstream
from tests.support.server import DEADLINE, Server, running
from tests.support.truth import LISTED, truth

BURST = 30_000  # queries; some 10,000 have room with each of two workers
SILENCE = 0.5  # seconds after which new clients are taken to be cut off

_SO_RCVBUFFORCE = 33
_TRACK = """\
table inet fault {
  chain input {
    type filter hook input priority 0
    ct state established accept
  }
}
"""
_CUT_OFF = """\
table inet fault {{
  chain input {{
    type filter hook input priority 0
    udp dport {port} ct state new ct count over 1 counter drop
  }}
}}
"""


def dropped(server: Server) -> int:
    return int(read_samples(server.metrics())["dnsguard_udp_dropped_total"])


def overrun(server: Server) -> int:
    """Send a burst while no worker takes anything; return how many queries get no answer."""
    query = compose(LISTED)
    workers = [worker["pid"] for worker in server.status()["workers"]]
    with clients(32, UNREGISTERED) as sockets:
        for client in sockets:
            client.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 4 * 2**20)
        with stopped(workers):
            for number in range(BURST):
                sockets[number % len(sockets)].sendto(query, server.places["127.0.0.1"])
        return BURST - take(sockets, BURST - dropped(server))


@contextmanager
def stopped(workers: Sequence[int]) -> Iterator[None]:
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)


def take(sockets: Sequence[socket.socket], expected: int) -> int:
    """Return how many answers come, all that are expected and any more."""
    count = 0
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        ready = select(sockets, [], [], SILENCE)[0]
        if not ready and count >= expected:
            break
        for client in ready:
            client.recv(4096)
            count += 1
    return count


def test_what_a_burst_overran_is_counted_to_the_last_query(tmp_path: Path) -> None:
    with ScriptedUpstream(truth) as upstream, running(tmp_path, config(upstream.url)) as server:
        with under_load(server) as load:
            load.phase("calm").check_right(*ALL)
        assert dropped(server) == 0
        lost = overrun(server)
        assert dropped(server) == lost > 0
        with under_load(server) as load:
            load.phase("calm again").check_right(*ALL)
        assert dropped(server) == lost


def nft(rules: str) -> None:
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True, timeout=DEADLINE)


def cut_off() -> int:
    """Return how many packets of new clients the rule has dropped."""
    listed = subprocess.run(
        ["nft", "list", "ruleset"], capture_output=True, text=True, check=True, timeout=DEADLINE
    )
    return int(listed.stdout.partition("counter packets ")[2].split()[0])


def test_who_has_no_room_in_the_connection_table_is_cut_off_and_nobody_else(
    tmp_path: Path,
) -> None:
    with (
        namespaces("gateway") as (gateway,),
        gateway.entered(),
        ScriptedUpstream(truth) as upstream,
        running(tmp_path, config(upstream.url)) as server,
    ):
        nft(_TRACK)
        with under_load(server) as load:
            load.phase("calm").check_right(*ALL)
            nft(_CUT_OFF.format(port=server.port))
            with clients(8) as late:
                for client in late:
                    send(client, server)
                assert len(answered(late, SILENCE)) < len(late)
            assert cut_off() > 0
            load.phase("no room for more").check_right(*ALL)
            nft("flush ruleset")
            with clients(8) as late:
                for client in late:
                    send(client, server)
                assert answered(late, DEADLINE) == set(late)
            load.phase("rules flushed").check_right(*ALL)
