"""The addresses of list servers, asked of a real NSD and of upstreams that misbehave."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator

import pytest
import uvloop

from dnsguard.control import name_service
from dnsguard.control.name_service import NameService
from dnsguard.lists.fetched import FetchError
from tests.support.dns_server import free_port
from tests.support.generations import Setup
from tests.support.loops import DEADLINE
from tests.support.nsd import running_nsd
from tests.support.scripted import TRUE, Peer, Replies, ScriptedUpstream, silent, telling

ZONE = """\
@     60 IN SOA ns hostmaster 1 3600 600 86400 30
@     60 IN NS ns
ns    60 IN A 192.0.2.1
lists 60 IN A 192.0.2.80
lists 60 IN A 192.0.2.81
lists 60 IN A 192.0.2.82
lists 60 IN AAAA 2001:db8::80
four  60 IN A 192.0.2.4
six   60 IN AAAA 2001:db8::6
alias 60 IN CNAME more
more  60 IN CNAME lists
text  60 IN TXT "no address"
"""
NOWHERE = "udp://192.0.2.53:53"


@pytest.fixture(scope="module")
def nsd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_nsd(tmp_path_factory.mktemp("nsd"), {"example.org": ZONE}) as port:
        yield f"udp://127.0.0.1:{port}"


def setup(upstream: str, **more: object) -> Setup:
    fields: dict[str, object] = {"groups": {}, "policies": {}, "lists": {}, **more}
    return Setup(upstreams=[upstream], **fields)  # type: ignore[arg-type]


def using(service_setup: Setup, use: Callable[[NameService], Awaitable[object]]) -> object:
    """Return what `use` makes of a service, the message of its error otherwise."""

    async def run() -> object:
        service = NameService(service_setup.generation())
        try:
            return await use(service)
        except FetchError as error:
            return str(error)
        finally:
            service.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


def resolved(service_setup: Setup, host: str) -> list[str] | str:
    async def use(service: NameService) -> list[str]:
        return [str(address) for address in await service.addresses(host)]

    result = using(service_setup, use)
    assert isinstance(result, list | str)
    return result


class TestAddresses:
    def test_of_both_families_in_turn(self, nsd: str) -> None:
        found = resolved(setup(nsd), "lists.example.org")
        assert isinstance(found, list)
        assert found[1] == "2001:db8::80"
        assert sorted(found) == ["192.0.2.80", "192.0.2.81", "192.0.2.82", "2001:db8::80"]

    def test_of_one_family(self, nsd: str) -> None:
        assert resolved(setup(nsd), "four.example.org") == ["192.0.2.4"]
        assert resolved(setup(nsd), "six.example.org") == ["2001:db8::6"]

    def test_at_the_end_of_a_chain(self, nsd: str) -> None:
        found = resolved(setup(nsd), "ALIAS.example.org.")
        assert isinstance(found, list)
        assert "2001:db8::80" in found
        assert len(found) == 4

    @pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7"])
    def test_that_are_written_as_such(self, host: str) -> None:
        assert resolved(setup(NOWHERE), host) == [host]

    @pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "lists.localhost"])
    def test_of_the_machine_itself(self, host: str) -> None:
        assert resolved(setup(NOWHERE), host) == ["127.0.0.1", "::1"]

    def test_of_local_records(self) -> None:
        records = ["lists.city.internal. 300 IN A 10.0.0.9"]
        found = resolved(setup(NOWHERE, local_records=records), "lists.city.internal")
        assert found == ["10.0.0.9"]

    def test_of_forward_zones(self, nsd: str) -> None:
        zones = {"example.org": [nsd]}
        assert resolved(setup(NOWHERE, forward_zones=zones), "four.example.org") == ["192.0.2.4"]

    def test_by_another_generation(self, nsd: str) -> None:
        async def use(service: NameService) -> list[str]:
            records = ["lists.city.internal. 300 IN A 10.0.0.9"]
            service.configure(setup(nsd, local_records=records).generation())
            hosts = ("four.example.org", "lists.city.internal")
            return [str(one) for host in hosts for one in await service.addresses(host)]

        assert using(setup(NOWHERE), use) == ["192.0.2.4", "10.0.0.9"]

    def test_when_one_family_stays_silent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def four_alone(query: bytes, transport: str, peer: Peer) -> Replies:
            if b"\0\x1c\0\1" in query:
                return []
            return telling(TRUE)(query, transport, peer)

        monkeypatch.setattr(name_service, "TIMEOUT", 1.0)
        with ScriptedUpstream(four_alone) as upstream:
            found = resolved(setup(f"udp://127.0.0.1:{upstream.port}"), "lists.example.org")
        assert found == [TRUE]


class TestErrors:
    def test_no_such_name(self, nsd: str) -> None:
        assert resolved(setup(nsd), "missing.example.org") == (
            "missing.example.org does not exist: correct the URL, or name another mirror"
        )

    def test_no_address(self, nsd: str) -> None:
        assert "text.example.org has no address: " in resolved(setup(nsd), "text.example.org")

    def test_nobody_to_ask(self) -> None:
        dead = setup(f"udp://127.0.0.1:{free_port()}")
        assert "no upstream resolves lists.example.org: " in resolved(dead, "lists.example.org")

    def test_an_upstream_that_does_not_know_the_zone(self, nsd: str) -> None:
        assert "no upstream resolves lists.example.net" in resolved(setup(nsd), "lists.example.net")

    def test_no_answer_in_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(name_service, "TIMEOUT", 0.05)
        with ScriptedUpstream(silent) as upstream:
            found = resolved(setup(f"udp://127.0.0.1:{upstream.port}"), "lists.example.org")
        assert "no upstream resolves lists.example.org: " in found

    @pytest.mark.parametrize("host", ["", "a..b", "x" * 64, "\u00e9.example", "\x1b[2J\u00e9"])
    def test_no_name_at_all(self, host: str) -> None:
        found = resolved(setup(NOWHERE), host)
        assert re.fullmatch(r"its host is no domain name \([ -~]+\): correct the URL", str(found))

    def test_the_end_of_the_service(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(name_service, "TIMEOUT", 10 * DEADLINE)

        async def use(service: NameService) -> object:
            asking = asyncio.ensure_future(service.addresses("lists.example.org"))
            await asyncio.sleep(0)
            service.close()
            return await asyncio.wait_for(asking, DEADLINE)

        with ScriptedUpstream(silent) as upstream:
            found = using(setup(f"udp://127.0.0.1:{upstream.port}"), use)
        assert "no upstream resolves lists.example.org: " in str(found)
