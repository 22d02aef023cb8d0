"""RFC 8020: below a name that does not exist there is nothing."""

from tests.standards.clock import Clocked
from tests.standards.subject import ALLOWED, GONE, Client, Subject

NAME = "gone.example.org"
SOA = "example.org. 300 SOA ns.example.org. admin.example.org. 1 7200 3600 86400 60"


def test_a_a_ban_is_no_proof_for_the_names_below(subject: Subject, staff: Client) -> None:
    for _ in range(2):
        assert staff.gist(GONE) == "NXDOMAIN"
        assert staff.gist(ALLOWED) == "192.0.2.80"
        assert staff.gist(f"www.{ALLOWED}") == "192.0.2.80"
    assert subject.asked(GONE) == []


def test_a_what_is_above_a_local_name_exists(client: Client) -> None:
    assert client.gist("127.in-addr.arpa") == "NODATA"
    assert client.gist("0.0.127.in-addr.arpa") == "NODATA"
    assert client.gist("9.0.127.in-addr.arpa") == "NXDOMAIN"


def gone(*records: str) -> Clocked:
    """Return a gateway that was told that a name does not exist."""
    gateway = Clocked()
    gateway.tell(f"{NAME} A", *records, authority=(SOA,), rcode="NXDOMAIN")
    assert gateway.look(f"{NAME} A").rcode() == 3
    return gateway


def test_a_what_does_not_exist_has_nothing_below() -> None:
    gateway = gone()
    for name in (f"a.{NAME}", f"c.b.a.{NAME}", f"*.{NAME}"):
        answer = gateway.look(f"{name} AAAA")
        assert answer.rcode() == 3
        assert [(soa.name.to_text(), soa.ttl) for soa in answer.authority] == [("example.org.", 60)]
    assert gateway.asked == [f"{NAME} A"]
    assert gateway.look(f"x{NAME} A").rcode() == 0
    assert gateway.look("www.example.org A").rcode() == 0


def test_a_the_proof_lasts_as_long_as_it_may_be_kept() -> None:
    gateway = gone()
    gateway.now += 59
    assert gateway.look(f"a.{NAME} A").authority[0].ttl == 1
    gateway.now += 1
    assert gateway.look(f"b.{NAME} A").rcode() == 0


def test_a_the_end_of_an_alias_is_no_proof_for_its_beginning() -> None:
    gateway = gone("@ 60 CNAME other.example.org.")
    assert gateway.look(f"a.{NAME} A").rcode() == 0


def test_b_who_asks_with_do_is_given_the_proof_for_that_name() -> None:
    gateway = gone()
    gateway.look(f"a.{NAME} A", do=True)
    assert gateway.asked == [f"{NAME} A", f"a.{NAME} A"]
