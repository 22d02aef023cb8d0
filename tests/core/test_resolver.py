"""Transcripts: (client, question) and what it is told; 192.0.2.1 is what upstreams answer."""

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from dnsguard.core.forward import Forward
from dnsguard.core.generation import Generation
from dnsguard.core.protocol import Ede, Source, Transport
from dnsguard.core.view import Stage
from tests.support.gateway import Gateway, packed, question, read, said
from tests.support.generations import Ban, generation

STAFF = "10.20.0.7"
OTHER = "192.168.1.5"
STRANGER = "203.0.113.9"
UPSTREAM = {"A": "192.0.2.1", "AAAA": "2001:db8::1", "TXT": '"hello"'}


def asked(gateway: Gateway, client: str, text: str) -> dns.message.Message:
    message = gateway.ask(client, question(text))
    assert message is not None
    return message


# The main job: registered clients are blocked, all others are left alone.


@pytest.mark.parametrize(
    ("client", "text", "told"),
    [
        (STAFF, "www.tiktok.com A", "0.0.0.0"),
        (STAFF, "WwW.TikTok.com A", "0.0.0.0"),
        (STAFF, "tiktok.com AAAA", "::"),
        (STAFF, "www.tiktok.com HTTPS", "NODATA"),
        (STAFF, "_443._https.tiktok.com SVCB", "NODATA"),
        (STAFF, "www.tiktok.com TXT", "NODATA"),
        (STAFF, "www.tiktok.com ANY", "NODATA"),
        (STAFF, "www.tiktok.com TYPE65280", "NODATA"),
        (STAFF, "www.tiktok.com.edgekey.net A", "0.0.0.0"),
        (STAFF, "tiktok.com.multi.surbl.org A", "192.0.2.1"),
        (STAFF, "nottiktok.com A", "192.0.2.1"),
        (STAFF, "www.example.org A", "192.0.2.1"),
        (STAFF, "use-application-dns.net A", "NXDOMAIN"),
        (STAFF, "mask.icloud.com A", "NODATA"),
        ("2001:db8:20::7", "www.tiktok.com AAAA", "::"),
        ("::ffff:10.20.0.7", "www.tiktok.com A", "0.0.0.0"),
        (OTHER, "www.tiktok.com A", "192.0.2.1"),
        (OTHER, "www.tiktok.com AAAA", "2001:db8::1"),
        (OTHER, "use-application-dns.net A", "192.0.2.1"),
        (OTHER, "mask.icloud.com A", "192.0.2.1"),
        (STRANGER, "www.tiktok.com A", "REFUSED"),
        (STRANGER, "www.example.org A", "REFUSED"),
        (STRANGER, "localhost A", "REFUSED"),
        ("::ffff:203.0.113.9", "www.example.org A", "REFUSED"),
    ],
)
def test_who_is_told_what(client: str, text: str, told: str) -> None:
    gateway = Gateway(generation())
    assert gateway.say(client, text) == told
    assert gateway.say(client, text) == told, "from the cache"
    assert gateway.say(client, text, edns=False) == told, "without EDNS"


@pytest.mark.parametrize("rdatatype", ["A", "AAAA", "HTTPS", "SVCB", "TXT", "ANY"])
@pytest.mark.parametrize(
    ("answer", "told"),
    [("nxdomain", "NXDOMAIN"), ("nodata", "NODATA"), ("refused", "REFUSED"), ("drop", "silence")],
)
def test_every_answer_a_policy_gives(answer: str, told: str, rdatatype: str) -> None:
    gateway = Gateway(generation(policies={"ban": Ban(answer=answer)}))
    for _ in range(2):
        assert gateway.say(STAFF, f"www.tiktok.com {rdatatype}") == told
    assert gateway.say(OTHER, f"www.tiktok.com {rdatatype}") == UPSTREAM.get(rdatatype, "NODATA")


@pytest.mark.parametrize(
    "tricks",
    [
        {"flags": ""},
        {"flags": "RD CD"},
        {"flags": "RD AD"},
        {"flags": "RD AA TC RA"},
        {"want_dnssec": True},
        {"want_dnssec": True, "flags": "RD CD"},
        {"use_edns": 0, "options": [dns.edns.ECSOption("10.99.0.0", 16)]},
        {"use_edns": 0, "options": [dns.edns.GenericOption(dns.edns.OptionType(65001), b"other")]},
    ],
)
@pytest.mark.parametrize("transport", Transport)
def test_no_trick_of_the_query_gets_round_the_policy(
    tricks: dict[str, object], transport: Transport
) -> None:
    gateway = Gateway(generation())
    flags = str(tricks.get("flags", "RD"))
    options = {name: value for name, value in tricks.items() if name != "flags"}
    query = dns.message.make_query("www.tiktok.com", "A", **options)  # type: ignore[arg-type]
    query.flags = dns.flags.from_text(flags)
    gateway.say(OTHER, "www.tiktok.com A")  # whatever is cached
    assert said(gateway.ask(STAFF, query, transport)) == "0.0.0.0"


# The order of answers.


@pytest.mark.parametrize(
    ("name", "edit", "rcode"),
    [
        ("a qclass of CHAOS", lambda wire: wire[:-1] + b"\x03", "REFUSED"),
        ("a qclass of ANY", lambda wire: wire[:-1] + b"\xff", "REFUSED"),
        ("a zone transfer", lambda wire: wire[:-4] + b"\x00\xfc\x00\x01", "REFUSED"),
        ("a TKEY", lambda wire: wire[:-4] + b"\x00\xf9\x00\x01", "REFUSED"),
        ("an OPT for a qtype", lambda wire: wire[:-4] + b"\x00\x29\x00\x01", "FORMERR"),
        ("a qtype of 0", lambda wire: wire[:-4] + b"\x00\x00\x00\x01", "FORMERR"),
        ("no question", lambda wire: wire[:5] + b"\x00" + wire[6:12], "FORMERR"),
        ("a notify", lambda wire: wire[:2] + b"\x21" + wire[3:], "NOTIMP"),
    ],
)
@pytest.mark.parametrize("client", [STAFF, OTHER])
def test_what_is_no_query_for_us_is_answered_at_once(
    name: str, edit: object, rcode: str, client: str
) -> None:
    gateway = Gateway(generation())
    wire = question("www.tiktok.com A", edns=False).to_wire()
    assert callable(edit)
    data = gateway.resolver.query(edit(wire), packed(client), Transport.UDP, 0.0)
    assert isinstance(data, bytes)
    answer = dns.message.from_wire(data)
    assert dns.rcode.to_text(answer.rcode()) == rcode
    assert answer.id == int.from_bytes(wire[:2], "big")
    assert gateway.resolver.replies.source == Source.REFUSED


def test_responses_are_never_answered() -> None:
    gateway = Gateway(generation())
    response = dns.message.make_response(question("www.tiktok.com A"))
    assert gateway.send(STAFF, response) is None


def test_a_stranger_is_told_that_it_is_prohibited() -> None:
    [option] = asked(Gateway(generation()), STRANGER, "example.org A").options
    assert isinstance(option, dns.edns.EDEOption)
    assert int(option.code) == Ede.PROHIBITED


ORDER = {
    "local_records": [
        "printer.tiktok.com. 300 IN A 10.0.0.9",
        "printer.example.org. 300 IN A 10.0.0.9",
        "printer.example.org. 300 IN TXT second-floor",
        "alias.example.org. 300 IN CNAME printer.example.org.",
        "use-application-dns.net. 300 IN A 10.0.0.9",
        "_dns.resolver.arpa. 300 IN A 10.0.0.9",
        "host.test. 300 IN A 10.0.0.9",
    ],
    "never_block": ["city.tiktok.com", "icloud.com"],
    "forward_zones": {"corp.test": ["udp://10.0.0.53"], "10.in-addr.arpa": ["udp://10.0.0.53"]},
    "lists": {"tiktok": ["tiktok.com", "resolver.arpa", "localhost", "banned.test"]},
}


@pytest.mark.parametrize(
    ("client", "text", "told"),
    [
        # Off-switches and resolver.arpa come before never_block, policy and local records.
        (STAFF, "use-application-dns.net A", "NXDOMAIN"),
        (STAFF, "mask.icloud.com A", "NODATA"),
        (STAFF, "_dns.resolver.arpa SVCB", "NODATA"),
        (STAFF, "_dns.resolver.arpa A", "NODATA"),
        (OTHER, "resolver.arpa A", "NODATA"),
        # never_block comes before policy.
        (STAFF, "city.tiktok.com A", "192.0.2.1"),
        (STAFF, "www.city.tiktok.com A", "192.0.2.1"),
        (STAFF, "www.tiktok.com A", "0.0.0.0"),
        # Policy comes before local records and special-use names.
        (STAFF, "printer.tiktok.com A", "0.0.0.0"),
        (STAFF, "localhost A", "0.0.0.0"),
        (STAFF, "banned.test A", "0.0.0.0"),
        # Local records come before special-use names; they are NODATA for other types.
        (OTHER, "use-application-dns.net A", "10.0.0.9"),
        (OTHER, "printer.tiktok.com A", "10.0.0.9"),
        (OTHER, "printer.example.org A", "10.0.0.9"),
        (OTHER, "printer.example.org TXT", '"second-floor"'),
        (OTHER, "printer.example.org AAAA", "NODATA"),
        (OTHER, "alias.example.org A", "printer.example.org. 10.0.0.9"),
        (OTHER, "www.printer.example.org A", "192.0.2.1"),
        (OTHER, "host.test A", "10.0.0.9"),
        # Special-use names are not forwarded, unless a forward zone is at or below the apex.
        (OTHER, "localhost A", "127.0.0.1"),
        (OTHER, "other.test A", "NXDOMAIN"),
        (OTHER, "corp.test A", "192.0.2.1"),
        (OTHER, "www.corp.test A", "192.0.2.1"),
        (OTHER, "1.0.0.10.in-addr.arpa TXT", '"hello"'),
        (OTHER, "1.1.168.192.in-addr.arpa PTR", "NXDOMAIN"),
        (OTHER, "host.local A", "NXDOMAIN"),
        (OTHER, "x.onion A", "NXDOMAIN"),
        # The rest is forwarded.
        (OTHER, "example A", "192.0.2.1"),
        (OTHER, "www.example.org A", "192.0.2.1"),
    ],
)
def test_the_order_of_answers(client: str, text: str, told: str) -> None:
    gateway = Gateway(generation(**ORDER))  # type: ignore[arg-type]
    for _ in range(2):
        assert gateway.say(client, text) == told


@pytest.mark.parametrize(
    ("zone", "name", "told"),
    [
        ("test", "www.corp.test A", "192.0.2.1"),
        ("corp.test", "www.corp.test A", "192.0.2.1"),
        ("www.corp.test", "www.corp.test A", "192.0.2.1"),
        ("a.www.corp.test", "www.corp.test A", "NODATA"),
        ("other.test", "www.corp.test A", "NXDOMAIN"),
        ("arpa", "1.0.0.10.in-addr.arpa A", "NXDOMAIN"),
        ("resolver.arpa", "_dns.resolver.arpa A", "NODATA"),
    ],
)
def test_special_use_names_and_forward_zones(zone: str, name: str, told: str) -> None:
    gateway = Gateway(generation(forward_zones={zone: ["udp://10.0.0.53"]}))
    assert gateway.say(OTHER, name) == told


@pytest.mark.parametrize(
    ("name", "zone"),
    [("www.city.internal", 1), ("vpn.city.internal", 2), ("example.org", 0), ("internal", 0)],
)
def test_a_forward_names_the_longest_zone(name: str, zone: int) -> None:
    zones = {"city.internal": ["udp://10.0.0.53"], "vpn.city.internal": ["udp://10.0.0.54"]}
    forward = Gateway(generation(forward_zones=zones)).send(OTHER, f"{name} A")
    assert isinstance(forward, Forward)
    assert forward.zone == zone


def test_a_forward_knows_who_asked_what() -> None:
    gateway = Gateway(generation())
    first = gateway.send(OTHER, "Example.org A", Transport.TCP)
    second = gateway.send(STAFF, "example.ORG A")
    assert isinstance(first, Forward)
    assert isinstance(second, Forward)
    assert first.key == second.key == first.query.key
    assert (first.address, first.transport) == (packed(OTHER), Transport.TCP)


def test_without_recursion_desired_nobody_learns_what_others_asked() -> None:
    gateway = Gateway(generation(local_records=["printer.example.org. 300 IN A 10.0.0.9"]))
    gateway.say(OTHER, "www.example.org A")

    def without_rd(client: str, text: str) -> dns.message.Message:
        query = question(text)
        query.flags = dns.flags.Flag(0)
        answer = gateway.ask(client, query)
        assert answer is not None
        assert not answer.flags & dns.flags.RD
        return answer

    for name in ("www.example.org", "never-asked.example.org"):
        refused = without_rd(OTHER, f"{name} A")
        assert said(refused) == "REFUSED"
        [option] = refused.options
        assert isinstance(option, dns.edns.EDEOption)
        assert int(option.code) == Ede.NOT_AUTHORITATIVE
    assert said(without_rd(OTHER, "printer.example.org A")) == "10.0.0.9"
    assert said(without_rd(OTHER, "x.test A")) == "NXDOMAIN"
    assert said(without_rd(STAFF, "www.tiktok.com A")) == "0.0.0.0"


# A verdict belongs to its client, whatever is cached or in flight.


def test_no_verdict_crosses_through_the_cache() -> None:
    gateway = Gateway(generation())
    for _ in range(3):
        assert gateway.say(OTHER, "www.tiktok.com A") == "192.0.2.1"
        assert gateway.say(STAFF, "www.tiktok.com A") == "0.0.0.0"
    gateway = Gateway(generation())
    for _ in range(3):
        assert gateway.say(STAFF, "www.tiktok.com A") == "0.0.0.0"
        assert gateway.say(OTHER, "www.tiktok.com A") == "192.0.2.1"


def test_groups_see_each_its_own_policy() -> None:
    gateway = Gateway(
        generation(
            groups={"staff": ["10.20.0.0/16"], "exempt": ["10.20.9.0/24"], "lab": ["10.30.0.0/16"]},
            policies={
                "ban": Ban(groups=["staff"]),
                "lab-ban": Ban(groups=["lab"], answer="nxdomain", allow=["api.tiktok.com"]),
            },
        )
    )
    for _ in range(2):
        assert gateway.say("10.20.0.1", "api.tiktok.com A") == "0.0.0.0"
        assert gateway.say("10.20.9.1", "api.tiktok.com A") == "192.0.2.1"
        assert gateway.say("10.30.0.1", "api.tiktok.com A") == "192.0.2.1"
        assert gateway.say("10.30.0.1", "www.tiktok.com A") == "NXDOMAIN"


OFF = {"policies": {"ban": Ban(stage=Stage.OFF)}}
SHADOW = {"policies": {"ban": Ban(stage=Stage.SHADOW)}}
ENFORCE = {"policies": {"ban": Ban()}}


def built(**setup: object) -> Generation:
    return generation(**setup)  # type: ignore[arg-type]


def test_the_stages() -> None:
    for setup in (OFF, SHADOW):
        gateway = Gateway(built(**setup))
        assert gateway.say(STAFF, "www.tiktok.com A") == "192.0.2.1"
        assert gateway.say(STAFF, "use-application-dns.net A") == "192.0.2.1"
    assert Gateway(built(**ENFORCE)).say(STAFF, "www.tiktok.com A") == "0.0.0.0"


def test_a_swap_is_in_force_for_the_next_query_and_keeps_the_cache() -> None:
    gateway = Gateway(built(**OFF))
    assert gateway.say(STAFF, "www.tiktok.com A") == "192.0.2.1"
    for _ in range(3):
        gateway.swap(built(**ENFORCE))
        assert gateway.say(STAFF, "www.tiktok.com A") == "0.0.0.0"
        gateway.swap(built(**OFF))
        assert isinstance(gateway.send(STAFF, "www.tiktok.com A"), bytes), "still cached"
        assert gateway.say(STAFF, "www.tiktok.com A") == "192.0.2.1"


@pytest.mark.parametrize(
    ("before", "after", "staff"), [(OFF, ENFORCE, "0.0.0.0"), (SHADOW, OFF, "192.0.2.1")]
)
def test_a_forward_in_flight_gets_the_verdict_of_the_new_policy(
    before: dict[str, object], after: dict[str, object], staff: str
) -> None:
    gateway = Gateway(built(**before))
    in_flight = [gateway.send(client, "www.tiktok.com A") for client in (STAFF, OTHER)]
    gateway.swap(built(**after))
    told = [said(read(gateway.finish(f))) for f in in_flight if isinstance(f, Forward)]
    assert told == [staff, "192.0.2.1"]
    assert gateway.say(OTHER, "www.tiktok.com A") == "192.0.2.1"


def test_a_failure_in_flight_gets_the_verdict_of_the_new_policy() -> None:
    gateway = Gateway(built(**OFF))
    forward = gateway.send(STAFF, "www.tiktok.com A")
    assert isinstance(forward, Forward)
    gateway.swap(built(**ENFORCE))
    failed = gateway.resolver.failure(forward, Ede.NETWORK_ERROR, gateway.now)
    assert said(read(failed)) == "0.0.0.0"


def test_answers_of_upstreams_that_are_asked_no_more_are_forgotten() -> None:
    gateway = Gateway(generation())
    gateway.say(OTHER, "www.example.org A")
    in_flight = gateway.send(OTHER, "late.example.org A")
    assert isinstance(in_flight, Forward)
    gateway.swap(generation(upstreams=["udp://192.0.2.54:53"]))
    assert said(read(gateway.finish(in_flight))) == "192.0.2.1", "the client has waited for it"
    for name in ("www.example.org", "late.example.org"):
        assert isinstance(gateway.send(OTHER, f"{name} A"), Forward)


def test_a_name_made_local_meanwhile_is_local() -> None:
    gateway = Gateway(generation())
    forward = gateway.send(OTHER, "printer.example.org A")
    assert isinstance(forward, Forward)
    local = generation(local_records=["printer.example.org. 300 IN A 10.0.0.9"])
    gateway.swap(local)
    assert said(read(gateway.finish(forward))) == "10.0.0.9"
    assert gateway.resolver.replies.source == Source.LOCAL
    assert gateway.say(OTHER, "printer.example.org A") == "10.0.0.9"
    gateway.swap(generation())
    assert gateway.say(OTHER, "printer.example.org A") == "192.0.2.1"
    gateway.swap(local)
    assert gateway.say(OTHER, "printer.example.org A") == "10.0.0.9"


def test_one_answer_serves_all_who_asked() -> None:
    gateway = Gateway(generation())
    first, second = (gateway.send(OTHER, "WWW.example.org A") for _ in range(2))
    assert isinstance(first, Forward)
    assert isinstance(second, Forward)
    gateway.finish(first)
    entries, size = len(gateway.resolver.cache), gateway.resolver.cache.bytes
    answer = read(gateway.finish(second))
    assert said(answer) == "192.0.2.1"
    assert (len(gateway.resolver.cache), gateway.resolver.cache.bytes) == (entries, size)


def test_a_flood_of_names_stays_within_the_cache() -> None:
    gateway = Gateway(generation(cache_size=20_000))
    for number in range(500):
        gateway.say(OTHER, f"host{number}.example.org A")
        gateway.say(OTHER, f"host{number}.test A")
        assert 0 <= gateway.resolver.cache.bytes <= 20_000
    gateway.swap(generation(cache_size=5_000))
    gateway.say(OTHER, "one-more.example.org A")
    assert gateway.resolver.cache.bytes <= 5_000
