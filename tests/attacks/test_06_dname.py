"""A DNAME answers the name that was asked for, and none that was not."""

import pytest

from tests.standards import wire
from tests.standards.subject import Client, Subject, saying
from tests.support.scripted import FORGED, TRUE, truncating

SIBLINGS = 20


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("above", ["", "example", "dname.example"])
def test_it_is_not_used_for_other_names(
    subject: Subject, client: Client, transport: str, above: str
) -> None:
    zone = f"{transport}{len(above)}.dname.example"
    owner = above or zone
    for number in range(SIBLINGS):
        name = f"random{number}.{zone}"
        target = f"{name.removesuffix(owner)}evil.example"
        told = saying(
            f"{owner}. 86400 DNAME evil.example.",
            f"@ 86400 CNAME {target}.",
            f"{target}. 86400 A {FORGED}",
        )
        subject.teach(name, told if transport == "udp" else truncating(told))
        assert client.gist(name).endswith(FORGED), "the upstream is believed about this one"
    for name in (f"sibling.{zone}", f"x.random0.{zone}", zone, "random0.evil.example"):
        assert client.gist(name) == TRUE
        assert subject.asked(name)
    for name in {owner, zone}:
        asked = len(subject.asked(name))
        assert wire.rdata(client.ask(wire.query(name, wire.rdatatype("DNAME"))), "DNAME") == []
        assert len(subject.asked(name)) > asked
