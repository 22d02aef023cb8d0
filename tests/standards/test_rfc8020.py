"""RFC 8020: below a name that does not exist there is nothing."""

from tests.standards.subject import ALLOWED, GONE, Client, Subject


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
