"""One cache, two policies: nobody is told what another group may be told, whoever asks first."""

import pytest

from tests.standards import wire
from tests.standards.subject import BANNED_ADDRESS, BLOCKED, Client, Subject
from tests.standards.wire import AD, CD, DO, RD, opt, option

BOTH = pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
REAL, SINKHOLE = bytes([192, 0, 2, 80]), bytes(4)
SUBNET = option(8, bytes.fromhex("000120007f000003"))
COOKIE = option(10, bytes.fromhex("0123456789abcdef"))
FORMS: dict[str, tuple[int, tuple[bytes, ...]]] = {
    "plain": (RD, ()),
    "EDNS": (RD, (opt(),)),
    "DO": (RD, (opt(flags=DO),)),
    "CD": (RD | CD, (opt(),)),
    "DO and CD": (RD | CD, (opt(flags=DO),)),
    "AD": (RD | AD, ()),
    "client subnet": (RD, (opt(SUBNET),)),
    "cookie": (RD, (opt(COOKIE),)),
    "large": (RD, (opt(payload=4096),)),
}


def asked(client: Client, name: str, form: str, *, tcp: bool) -> list[bytes]:
    """Return the addresses that a client is told, asked in small and in large letters alike."""
    flags, additional = FORMS[form]
    told = [
        wire.rdata(
            client.ask(
                wire.message(wire.question(spelt), flags=flags, additional=additional), tcp=tcp
            ),
            "A",
        )
        for spelt in (name, name.upper())
    ]
    assert told[0] == told[1]
    return told[0]


@BOTH
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("staff_first", [False, True])
@pytest.mark.parametrize("trigger", ["name", "alias", "address"])
def test_each_group_is_told_its_own(
    subject: Subject,
    client: Client,
    staff: Client,
    trigger: str,
    form: str,
    *,
    staff_first: bool,
    tcp: bool,
) -> None:
    number = f"{list(FORMS).index(form)}{int(staff_first)}{int(tcp)}{trigger}"
    name = f"n{number}.two.{BLOCKED if trigger == 'name' else 'policies.example'}"
    real = REAL
    if trigger == "alias":
        subject.tell(name, f"@ 300 CNAME x.{BLOCKED}.", f"x.{BLOCKED}. 300 A 192.0.2.80")
    elif trigger == "address":
        subject.tell(name, f"@ 300 A {BANNED_ADDRESS}")
        real = bytes([198, 51, 100, 9])
    for _ in range(2):  # fresh, then cached
        for who in (staff, client) if staff_first else (client, staff):
            told = asked(who, name, form, tcp=tcp)
            assert told == ([SINKHOLE] if who is staff else [real])
