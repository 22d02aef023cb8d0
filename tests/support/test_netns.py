import os
import socket
from pathlib import Path

from tests.support.netns import namespaces


def test_the_tests_of_a_run_have_a_network_of_their_own() -> None:
    own = Path("/proc/self/ns/net").readlink()
    parents = Path(f"/proc/{os.getppid()}/ns/net").readlink()
    assert (own != parents) == (os.geteuid() == 0)


def test_two_namespaces_do_not_meet() -> None:
    with namespaces("first", "second") as (first, second):
        with first.entered():
            taken = socket.create_server(("127.0.0.1", 0))
        with taken, second.entered():
            socket.create_server(taken.getsockname()).close()
