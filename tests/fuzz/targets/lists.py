"""A list's text: rules or reasons, never an exception, and no rule that no list may hold.

Three octets choose the format, how names match, and whether the text is taken as a whole
version, which may be refused; the rest is the text.
"""

from collections.abc import Iterable, Iterator
from random import Random

from dnsguard.core import names
from dnsguard.core.image import Group, Image, Kind, build_image
from dnsguard.core.networks import NetworkGroup, Networks, build_networks
from dnsguard.lists.errors import REASONS, Refused
from dnsguard.lists.formats import FORMATS, parse
from dnsguard.lists.guards import blocks, screen
from dnsguard.lists.rules import Addresses, Names
from dnsguard.lists.versions import examine
from tests.fuzz.reader import Reader
from tests.support.list_texts import FRAGMENTS, check_parsed

WORDS = FRAGMENTS
_FORMATS = ("auto", *FORMATS)
_MATCHES = (None, "exact", "suffix")
_NEVER = [names.from_text("city.example")]
_PROTECTED = [
    names.from_text(name)
    for name in (".", "com", "co.uk", "city.example", "time.apple.com", "akamai.net")
]
_WRITTEN = {
    "domains": [
        "a.example",
        "=b.example",
        "*.c.example",
        "*.d.example.*",
        "# e",
        "f.example # g",
        "192.0.2.1",
    ],
    "hosts": [
        "0.0.0.0 a.example b.example",
        "::1 localhost",
        "127.0.0.1 city.example # x",
        "0.0.0.0",
    ],
    "adblock": [
        *("[Adblock Plus]", "||a.example^", "@@||b.example^$important", "|c.example|", "! d"),
        *(
            "||e.example^$denyallow=f.e.example|g.e.example",
            "||h.example^$badfilter",
            "i.example##x",
        ),
    ],
    "rpz": [
        *("$TTL 60", "$ORIGIN rpz.example.", "@ SOA ns.example. admin.example. (1 2 3", "4 5)"),
        *("a.example CNAME .", "*.a.example 60 IN CNAME *.", "b.example CNAME rpz-drop."),
        *("24.0.2.0.192.rpz-ip CNAME .", "c.example A 192.0.2.1", 'c.example TXT "x\\059y"'),
        *("d.example CNAME rpz-passthru.", "e.example MX 10 mx.example.", "f.example CNAME *.g."),
        *("g.example MX 99999 a.", "h.example A x", 'i.example TXT "', "j.example ( CNAME ."),
    ],
    "dnsmasq": ["address=/a.example/b.example/#", "server=/c.example/#", "local=/d.example/"],
    "unbound": [
        *("server:", 'local-zone: "a.example" always_nxdomain', "local-zone: b.example redirect"),
        *('local-data: "b.example 60 IN A 192.0.2.1"', "local-zone: c.example. transparent"),
    ],
    "cidr": ["192.0.2.0/24", "2001:db8::1", "192.0.2.7 - 192.0.2.9", "10.0.0.0/8 ; x"],
}


def run(data: bytes) -> None:
    """Have a text parsed, screened and built, and examined as a version of a list."""
    reader = Reader(data)
    told, match, whole = reader.choose(_FORMATS), reader.choose(_MATCHES), reader.octet() & 1
    text = reader.rest()
    if whole:
        _examine(text, told, match)
    else:
        parsed = parse(text, format=told, match=match)
        check_parsed(parsed, text)
        screened = screen(parsed, _NEVER)
        _check_rules(screened.names, screened.addresses)
        _check_texts((*screened.dropped, *screened.dropped_samples, *screened.warnings))


def _examine(text: bytes, told: str, match: str | None) -> None:
    try:
        version = examine(text, format=told, match=match, never_block=_NEVER, max_size=1 << 20)
    except Refused as refused:
        _check_refused(refused)
    else:
        assert version.name_count + version.address_count > 0
        _check_rules(version.names, version.addresses)
        _check_texts((*version.notes, *version.dropped, *version.passed_over))


def _check_refused(refused: Refused) -> None:
    assert refused.reason in REASONS
    _check_texts([str(refused)])


def _check_texts(texts: Iterable[str]) -> None:
    assert all(text.isprintable() and len(text) < 1000 for text in texts)


def _check_rules(listed: Names, addresses: Addresses) -> None:
    image = _image(listed)  # in which nothing matches the root
    for rule_type, found in listed.items():
        if rule_type.kind in (Kind.EXACT, Kind.SUFFIX):
            assert all(image.find(name) for name in found if name != names.ROOT)
    blocking = _image({known: n for known, n in listed.items() if blocks(known.action)})
    for name in _PROTECTED:
        assert not blocking.find(name), "a name that no list may block"
    groups = [NetworkGroup(number, found) for number, found in enumerate(addresses.values())]
    networks = Networks(build_networks(groups))
    assert all(networks.find(packed) for _, found in groups for packed, _ in found)


def _image(listed: Names) -> Image:
    groups = [
        Group(number, kind, found) for number, ((kind, _), found) in enumerate(listed.items())
    ]
    return Image(build_image(groups, seed=7))


def seeds() -> Iterator[bytes]:
    """Texts in every format, whole and mixed."""
    random = Random(7)
    for number, told in enumerate(_FORMATS):
        lines = _WRITTEN.get(told, _WRITTEN["domains"])
        text = "\n".join(lines).encode()
        yield bytes([0, 0, 0]) + text
        for match in range(len(_MATCHES)):
            yield bytes([number, match, 1]) + text
        for _ in range(5):
            yield bytes([number, 0, 0]) + b"".join(random.choices(FRAGMENTS, k=20))
