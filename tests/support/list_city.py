"""A server whose list is kept on a small disk of its own, and what is around it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from dnsguard.lists.generations import GenerationStore
from tests.scenarios.upstream import knowing_every_name
from tests.support.list_server import (
    BLOCKED,
    FORWARDED,
    details,
    make_list,
    marker,
    policy,
    update,
    verdicts,
)
from tests.support.nginx import Nginx, running_nginx
from tests.support.scripted import ScriptedUpstream
from tests.support.server import Server, running
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.steady_client import SteadyClient

DISK = 2 << 20
NAME = "partner"
PATH = "/list.txt"
COMMON = "name0.listed.example"
COUNT = 3_000


class City(NamedTuple):
    """A server whose first version is kept, on a disk with room, and what is around it."""

    server: Server
    nginx: Nginx
    disk: SmallDisk

    def serve(self, version: int) -> None:
        """Have the list server serve a version."""
        self.nginx.serve(PATH, make_list(version, count=COUNT))

    def update(self) -> str:
        """Update the list and return the result, while a client asks."""
        place = self.server.places["127.0.0.1"]
        with SteadyClient(place, f"{COMMON} A", BLOCKED):
            return str(update(self.server, NAME)[NAME]["result"])

    def restart(self) -> None:
        """Stop the server and start it again."""
        assert self.server.stop() == 0
        self.server.start()

    def check(self, serves: int, keeps: list[int]) -> None:
        """Check which version is in force, and that the disk has exactly those whole."""
        versions = range(1, max(4, serves + 1) + 1)
        expected = {marker(n): BLOCKED if n == serves else FORWARDED for n in versions}
        assert verdicts(self.server, *expected) == expected
        store = GenerationStore(self.disk.path / "lists")
        generations = store.record(NAME).generations
        texts = [store.read(NAME, generation, 1 << 20) for generation in generations]
        assert texts == [make_list(version, count=COUNT) for version in keeps]


@contextmanager
def running_city(folder: Path, block: Sequence[str] = (), **options: Any) -> Iterator[City]:
    """Run a server with a small disk, its files below a folder; the first version is kept.

    `block` are names that the config itself blocks.
    """
    with (
        small_disk(folder / "state", DISK) as disk,
        ScriptedUpstream(knowing_every_name()) as upstream,
        running_nginx(folder) as nginx,
    ):
        nginx.serve(PATH, make_list(1, count=COUNT))
        config = {
            "upstreams": [upstream.url],
            "lists": {NAME: {"source": nginx.url(PATH)}},
            **policy(NAME),
        }
        config["policies"]["ban"]["block"] = list(block)
        with running(folder, config, prefix=disk.prefix, **options) as server:
            server.wait_for(lambda: details(server, NAME)["generation"] == 1)
            yield City(server, nginx, disk)
