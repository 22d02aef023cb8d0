"""What list texts are made of, and what is true of all that is read in any text."""

from itertools import chain

from dnsguard.core import names
from dnsguard.lists.rules import Parsed

FRAGMENTS = [
    *(b"0.0.0.0 ", b"192.0.2.", b"2001:db8::", b"/24", b"-", b"zz.", b"rpz-ip", b" rpz-drop."),
    *(b"*.", b".*", b"=", b"a.example", b".", b"||", b"|", b"^", b"@@", b"$", b"important", b","),
    *(b"denyallow=", b"badfilter", b"##", b"/", b"!", b"#", b";", b"\n", b"\r", b" ", b"\t"),
    *(b"address=/", b"server=/", b"local=/", b"local-zone: ", b"local-data: ", b'"', b"'"),
    *(b" static", b" redirect", b" transparent", b"A ", b"TXT ", b"MX 1 ", b"CNAME ", b"SOA"),
    *(b"$TTL ", b"$ORIGIN ", b"@ ", b" IN ", b"(", b")", b"\\", b"\\1", b"<html", b"\0", b"\xff"),
]


def check_parsed(parsed: Parsed, text: bytes) -> None:
    """Require of a text's rules and reasons what is true of all."""
    for name in chain.from_iterable(parsed.names.values()):
        assert names.from_text(names.to_text(name)) == name
    for packed, length in chain.from_iterable(parsed.addresses.values()):
        assert len(packed) in {4, 16}
        assert 0 <= length <= 8 * len(packed)
    for number, sample in parsed.samples:
        assert 1 <= number <= text.count(b"\n") + 1
        assert sample.isascii()
        assert sample.isprintable()
        assert len(sample) < 130
    assert all(reason.isprintable() for reason in (*parsed.bad, *parsed.passed_over))
