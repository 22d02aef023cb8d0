from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.core.cookies import MAX_AGE, MAX_AHEAD, RENEW_AGE, Cookies, Key, siphash
from dnsguard.core.protocol import EdnsOption, Rcode
from dnsguard.core.wire import Query, parse_query
from tests.support.strategies import QUESTION, option, with_options

# SipHash-2-4 of 0 to 63 octets 00 01 02 ... with the key 00 01 ... 0f, as its authors give it.
SIPHASHES = """\
310e0edd47db6f72 fd67dc93c539f874 5a4fa9d909806c0d 2d7efbd796666785 b7877127e09427cf
8da699cd64557618 cee3fe586e46c9cb 37d1018bf50002ab 6224939a79f5f593 b0e4a90bdf82009e
f3b9dd94c5bb5d7a a7ad6b22462fb3f4 fbe50e86bc8f1e75 903d84c02756ea14 eef27a8e90ca23f7
e545be4961ca29a1 db9bc2577fcc2a3f 9447be2cf5e99a69 9cd38d96f0b3c14b bd6179a71dc96dbb
98eea21af25cd6be c7673b2eb0cbf2d0 883ea3e395675393 c8ce5ccd8c030ca8 94af49f6c650adb8
eab8858ade92e1bc f315bb5bb835d817 adcf6b0763612e2f a5c91da7acaa4dde 716595876650a2a6
28ef495c53a387ad 42c341d8fa92d832 ce7cf2722f512771 e37859f94623f3a7 381205bb1ab0e012
ae97a10fd434e015 b4a31508beff4d31 81396229f0907902 4d0cf49ee5d4dcca 5c73336a76d8bf9a
d0a704536ba93e0e 925958fcd6420cad a915c29bc8067318 952b79f3bc0aa6d4 f21df2e41d4535f9
87577519048f53a9 10a56cf5dfcd9adb eb75095ccd986cd0 51a9cb9ecba312e6 96afadfc2ce666c7
72fe52975a4364ee 5a1645b276d592a1 b274cb8ebf87870a 6f9bb4203de7b381 eaecb2a30b22a87f
9924a43cc1315724 bd838d3aafbf8db7 0b1a2a3265d51aea 135079a3231ce660 932b2846e4d70666
e1915f5cb1eca46c f325965ca16d629f 575ff28e60381be5 724506eb4c328a95
"""
SECRET = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")
OTHER = bytes.fromhex("445536bcd2513298075a5d379663c962")
ADDRESS = ip_address("198.51.100.100").packed
CLIENT = b"\x24\x64\xc4\xab\xcf\x10\xc9\x57"
NOW = 1_559_731_985


def carrying(cookie: bytes, question: bytes = QUESTION) -> Query:
    query = parse_query(with_options(option(EdnsOption.COOKIE, cookie), question))
    assert query is not None
    return query


def responding(
    cookie: bytes,
    *secrets: bytes,
    wall: float = NOW,
    address: bytes = ADDRESS,
    question: bytes = QUESTION,
) -> tuple[bytes, int]:
    """Return the cookies of the response, and its rcode."""
    cookies = Cookies(secrets or (SECRET,))
    cookies.set_clock(wall - 2000.25, 1000.0)
    query = carrying(cookie, question)
    found = cookies.respond(query, address, 3000.5)
    assert found[:4] == b"\x00\x0a\x00\x18"
    return found[4:], query.rcode


def made(*secrets: bytes, wall: float = NOW, address: bytes = ADDRESS) -> bytes:
    return responding(CLIENT, *secrets, wall=wall, address=address)[0]


@pytest.mark.parametrize("size", range(64))
def test_siphash_is_that_of_its_authors(size: int) -> None:
    key = Key(bytes(range(16)))
    assert siphash(key, bytes(range(size))).to_bytes(8, "little").hex() == SIPHASHES.split()[size]


@pytest.mark.parametrize("size", [0, 15, 17])
def test_a_secret_has_16_octets(size: int) -> None:
    with pytest.raises(ValueError, match="16"):
        Key(bytes(size))


@pytest.mark.parametrize(
    ("case", "secrets", "client", "brought", "wall", "given"),
    [
        (
            "A.1: a new server cookie",
            "e5e973e5a6b2a43f48e7dc849e37bfcf",
            "198.51.100.100",
            "2464c4abcf10c957",
            1_559_731_985,
            "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
        ),
        (
            "A.2: the same client, 40 minutes later",
            "e5e973e5a6b2a43f48e7dc849e37bfcf",
            "198.51.100.100",
            "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
            1_559_734_385,
            "2464c4abcf10c957010000005cf7a871d4a564a1442aca77",
        ),
        (
            "A.3: another client, whose reserved octets are not zero",
            "e5e973e5a6b2a43f48e7dc849e37bfcf",
            "203.0.113.203",
            "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
            1_559_734_700,
            "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e",
        ),
        (
            "A.4: IPv6, and another secret meanwhile",
            "445536bcd2513298075a5d379663c962 dd3bdf9344b678b185a6f5cb60fca715",
            "2001:db8:220:1:59de:d0f4:8769:82b8",
            "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
            1_559_741_961,
            "22681ab97d52c298010000005cf7c609a6bb79d16625507a",
        ),
    ],
)
def test_the_vectors_of_rfc_9018_appendix_a(
    case: str, secrets: str, client: str, brought: str, wall: int, given: str
) -> None:
    cookie, address = bytes.fromhex(brought), ip_address(client).packed
    keys = [bytes.fromhex(secret) for secret in secrets.split()]
    assert responding(cookie, *keys, wall=wall, address=address)[0].hex() == given
    if len(cookie) == 24:  # what was brought was good when it was made
        issued = int.from_bytes(cookie[12:16], "big")
        confirmed = responding(cookie, *keys, wall=issued, address=address, question=b"")
        assert confirmed[1] == Rcode.NOERROR


@pytest.mark.parametrize("reserved", ["abcdef", "000000"])
def test_reserved_octets_are_hashed_and_come_back(reserved: str) -> None:
    cookie = bytearray.fromhex("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5")
    cookie[9:12] = bytes.fromhex(reserved)
    address = ip_address("203.0.113.203").packed
    given, rcode = responding(bytes(cookie), wall=0x5CF78F71, address=address, question=b"")
    good = reserved == "abcdef"
    assert (given == cookie, rcode) == (good, Rcode.NOERROR if good else Rcode.BADCOOKIE)


@pytest.mark.parametrize(
    ("age", "good", "same"),
    [
        (0, True, True),
        (RENEW_AGE, True, True),
        (RENEW_AGE + 1, True, False),
        (MAX_AGE, True, False),
        (MAX_AGE + 1, False, False),
        (-MAX_AHEAD, True, True),
        (-MAX_AHEAD - 1, False, False),
        (1 << 31, False, False),
    ],
)
@pytest.mark.parametrize("issued", [NOW, 0xFFFFFFF0, 1 << 32])
def test_a_server_cookie_has_its_time(issued: int, age: int, good: bool, same: bool) -> None:
    cookie = made(wall=issued)
    given, rcode = responding(cookie, wall=issued + age, question=b"")
    assert rcode == (Rcode.NOERROR if good else Rcode.BADCOOKIE)
    assert given == (cookie if same else made(wall=issued + age))


def test_the_secret_before_is_good_for_a_new_cookie() -> None:
    old = made(SECRET)
    assert responding(old, OTHER, SECRET, question=b"") == (made(OTHER), Rcode.NOERROR)
    assert responding(old, OTHER, question=b"") == (made(OTHER), Rcode.BADCOOKIE)
    assert responding(made(OTHER), OTHER, SECRET, question=b"") == (made(OTHER), Rcode.NOERROR)


@given(st.integers(0, 23), st.integers(1, 255))
def test_any_change_of_any_octet_is_found(position: int, change: int) -> None:
    cookie = bytearray(made())
    cookie[position] ^= change
    given, rcode = responding(bytes(cookie), question=b"")
    assert rcode == Rcode.BADCOOKIE
    assert given == responding(bytes(cookie[:8]))[0]


@pytest.mark.parametrize("address", ["198.51.100.101", "2001:db8::1", "::198.51.100.100"])
def test_a_cookie_is_its_address_s(address: str) -> None:
    packed = ip_address(address).packed
    assert made(address=packed) != made()
    assert responding(made(), address=packed, question=b"")[1] == Rcode.BADCOOKIE


def test_a_mapped_address_is_its_ipv4_self() -> None:
    mapped = ip_address("::ffff:198.51.100.100").packed
    assert made(address=mapped) == made()


@pytest.mark.parametrize("size", [16, 20, 23, 25, 40])
def test_a_server_cookie_of_another_length_is_another_server_s(size: int) -> None:
    cookie = made().ljust(size, b"\x00")[:size]
    assert responding(cookie, question=b"") == (made(), Rcode.BADCOOKIE)


@pytest.mark.parametrize("version", [0, 1, 2, 255])
def test_only_version_1_is_known(version: int) -> None:
    hashed = CLIENT + bytes([version, 0, 0, 0]) + NOW.to_bytes(4, "big")
    cookie = hashed + siphash(Key(SECRET), hashed + ADDRESS).to_bytes(8, "little")
    rcode = Rcode.NOERROR if version == 1 else Rcode.BADCOOKIE
    assert responding(cookie, question=b"") == (made(), rcode)


def test_a_bad_server_cookie_is_no_error_of_a_question() -> None:
    assert responding(CLIENT + bytes(16)) == (made(), Rcode.NOERROR)


def test_an_error_of_a_query_stays() -> None:
    query = parse_query(with_options(option(10, CLIENT + bytes(16)) + b"\0", question=b""))
    assert query is not None
    assert Cookies([SECRET]).respond(query, ADDRESS, 0.0) != b""
    assert query.rcode == Rcode.FORMERR


def test_without_a_secret_there_are_no_cookies() -> None:
    cookies = Cookies([])
    with_question, without = carrying(CLIENT), carrying(CLIENT, b"")
    assert cookies.respond(with_question, ADDRESS, 0.0) == b""
    assert cookies.respond(without, ADDRESS, 0.0) == b""
    assert (with_question.rcode, without.rcode) == (Rcode.NOERROR, Rcode.FORMERR)


def test_secrets_change_in_place() -> None:
    cookies = Cookies([SECRET])
    cookies.set_clock(NOW, 0.0)
    cookies.change([OTHER, SECRET])
    assert cookies.respond(carrying(made(SECRET)), ADDRESS, 0.0)[4:] == made(OTHER)


@given(
    st.binary(min_size=8, max_size=8),
    st.sampled_from([4, 16]).flatmap(lambda size: st.binary(min_size=size, max_size=size)),
    st.integers(0, 1 << 40),
)
def test_what_is_made_is_accepted(client: bytes, address: bytes, wall: int) -> None:
    cookie = responding(client, wall=wall, address=address)[0]
    assert cookie[:8] == client
    again = responding(cookie, wall=wall + RENEW_AGE, address=address, question=b"")
    assert again == (cookie, Rcode.NOERROR)


@pytest.mark.parametrize(
    ("wall", "secrets", "address", "verified"),
    [
        (NOW, [SECRET], ADDRESS, True),
        (NOW + RENEW_AGE + 1, [OTHER, SECRET], ADDRESS, True),
        (NOW + MAX_AGE + 1, [SECRET], ADDRESS, False),
        (NOW, [OTHER], ADDRESS, False),
        (NOW, [SECRET], ADDRESS[:3] + b"\x01", False),
        (NOW, [], ADDRESS, False),
    ],
)
def test_a_query_is_verified_by_a_cookie_of_ours_alone(
    wall: float, secrets: list[bytes], address: bytes, verified: bool
) -> None:
    cookies = Cookies(secrets)
    cookies.set_clock(wall, 0.0)
    query = carrying(made())
    assert not query.verified
    cookies.respond(query, address, 0.0)
    assert query.verified == verified


def test_a_client_cookie_verifies_nothing() -> None:
    query = carrying(CLIENT)
    Cookies([SECRET]).respond(query, ADDRESS, 0.0)
    assert not query.verified
