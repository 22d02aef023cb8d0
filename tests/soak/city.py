"""The gateway of the soak and all that is around it: upstreams, list server, disk, service manager.

Everything is real but the upstreams, which tell the truth of `truth` until a fault has them do
otherwise, and the service manager, which is a stand-in that keeps the sockets.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.soak.oracle import ENFORCE, Oracle
from tests.soak.questions import LOCAL, LOCAL_ADDRESS, REGISTERED, VERSIONS
from tests.soak.truth import HOSTED, truthful
from tests.support.list_server import make_list, update
from tests.support.nginx import Nginx, running_nginx
from tests.support.scripted import ScriptedUpstream
from tests.support.server import Server
from tests.support.service_manager import ServiceManager
from tests.support.small_disk import SmallDisk, small_disk

PATH = "/list.txt"
PARTNER = "partner"
DISK = 8 << 20
CACHE = "2MiB"  # full within minutes, so that what grows after that is a leak


class City:
    """What faults are injected into. `server` is another one after each restart."""

    def __init__(
        self,
        folder: Path,
        oracle: Oracle,
        upstreams: list[ScriptedUpstream],
        nginx: Nginx,
        disk: SmallDisk,
        manager: ServiceManager,
    ) -> None:
        self.oracle = oracle
        self.upstreams = upstreams
        self.nginx = nginx
        self.disk = disk
        self.workers: list[int] = []
        self._folder = folder
        self._manager = manager
        self._networks = folder / "networks.txt"
        self._networks.write_text(f"{HOSTED}\n", "ascii")
        self.serve_version(0)
        self.server = self._make_server()

    def config(self) -> dict[str, Any]:
        """Return the config that goes with the policy in force."""
        return {
            "upstreams": [upstream.url for upstream in self.upstreams],
            "allow_clients": ["127.0.0.0/29"],
            "local_records": [f"{LOCAL}. 300 IN A {LOCAL_ADDRESS}"],
            "groups": {"staff": {"subnets": [f"{address}/32" for address in REGISTERED]}},
            "lists": {
                PARTNER: {"source": self.nginx.url(PATH), "max_size": "64KiB"},
                "networks": {"source": str(self._networks), "format": "cidr"},
            },
            "policies": {
                "ban": {
                    "groups": ["staff"],
                    "lists": [PARTNER, "networks"],
                    "block": ["blocked.example"],
                },
                "toggled": {
                    "groups": ["staff"],
                    "block": ["toggled.example"],
                    "stage": self.oracle.toggled.value,
                },
            },
            "cache": {"size": CACHE},
        }

    def start(self) -> None:
        """Start the program, on the sockets of the one before if there was one."""
        self.server = self._make_server()
        self.server.start()
        self.learn_workers()

    def learn_workers(self) -> None:
        """Take note of the worker processes there are."""
        self.server.wait_for(lambda: not self.server.unready())
        self.workers = [worker["pid"] for worker in self.server.status()["workers"]]

    def switch(self, stage: str) -> None:
        """Switch the policy `toggled`, by a reload."""
        with self.oracle.toggled.change(stage):
            self.reload()

    def reload(self) -> None:
        """Reload the config of the policy in force; it must be accepted."""
        self.server.write(self.config())
        response = self.server.reload()
        if response.status_code != 200:
            raise AssertionError(f"a reload is refused: {response.text}")

    def serve_version(self, number: int) -> None:
        """Have the list server serve a version."""
        self.nginx.serve(PATH, make_list(number))

    @property
    def following_version(self) -> int:
        """The number of the version that comes after the one in force."""
        return (int(str(self.oracle.version.value)) + 1) % VERSIONS

    def next_version(self) -> None:
        """Have the next version published and fetched; it must be taken."""
        number = self.following_version
        with self.oracle.version.change(number):
            self.serve_version(number)
            self.expect_update("ok")

    def serve_current(self) -> None:
        """Have the list server serve the version in force again."""
        self.serve_version(int(str(self.oracle.version.value)))

    def expect_update(self, *results: str) -> None:
        """Update the list; the result must be one of some."""
        event = update(self.server, PARTNER)[PARTNER]
        if event["result"] not in results:
            raise AssertionError(f"the update of the list: {event}, not {results}")

    def hold(self, seconds: float) -> None:
        """Let a fault last."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.5))
            for upstream in self.upstreams:
                upstream.received.clear()

    def _make_server(self) -> Server:
        options = self._manager.start_options()
        options["prefix"] = (*self.disk.prefix, *options["prefix"])
        return Server(self._folder, self.config(), **options)


@contextmanager
def running_city(folder: Path, oracle: Oracle) -> Iterator[City]:
    """Run it all for the length of a block; the policy is in force, with version 0 of the list."""
    with ExitStack() as stack:
        upstreams = [stack.enter_context(ScriptedUpstream(truthful)) for _ in range(2)]
        nginx = stack.enter_context(running_nginx(folder))
        disk = stack.enter_context(small_disk(folder / "state", DISK))
        manager = stack.enter_context(ServiceManager(folder))
        city = City(folder, oracle, upstreams, nginx, disk, manager)
        assert oracle.toggled.value == ENFORCE
        stack.callback(lambda: city.server.stop())
        city.start()
        city.server.wait_for(lambda: _has_list(city.server))
        yield city


def _has_list(server: Server) -> bool:
    response = server.request("GET", f"/api/v1/lists/{PARTNER}").raise_for_status()
    return bool(response.json()["generation"])
