from collections.abc import Callable
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.config import values
from dnsguard.config.values import Endpoint
from dnsguard.core.names import to_text
from tests.config.texts import MINIMAL, complaints, refusal


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("30s", 30), ("5m", 300), ("6h", 21_600), ("1d", 86_400), ("2w", 1_209_600)],
)
def test_durations(text: str, seconds: int) -> None:
    assert values.duration(text) == seconds


@pytest.mark.parametrize("value", [30, "30", "", "s", "1.5h", "-1s", "1 s", "1y", "9" * 12 + "w"])
def test_no_durations(value: object) -> None:
    with pytest.raises(ValueError, match=r"duration such as 30s|too much"):
        values.duration(value)


@pytest.mark.parametrize(("text", "size"), [("1B", 1), ("512KiB", 2**19), ("1GiB", 2**30)])
def test_sizes(text: str, size: int) -> None:
    assert values.size(text) == size


@pytest.mark.parametrize("value", [5, "5", "5MB", "5mib", "2TiB"])
def test_no_sizes(value: object) -> None:
    with pytest.raises(ValueError, match=r"size such as 512KiB|too much"):
        values.size(value)


@pytest.mark.parametrize("text", ["10.20.0.0/16", "10.0.0.1", "2001:db8::/32", "::/0", "::1"])
def test_subnets(text: str) -> None:
    assert values.subnet(text) == ip_network(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10.20.0.1/16", "10.20.0.1/16 has host bits set; write 10.20.0.0/16"),
        ("2001:db8::1/64", "2001:db8::1/64 has host bits set; write 2001:db8::/64"),
        ("::ffff:10.0.0.0/104", "::ffff:10.0.0.0/104 is IPv4: write 10.0.0.0/8"),
        ("10.0.0.0/255.0.0.0", "is not a subnet"),
        ("10.0.0.0/33", "is not a subnet"),
        ("fe80::%eth0/64", "is not a subnet"),
        ("10.0.0.0/8\n", "is not a subnet"),
        (10, "is not a subnet"),
    ],
)
def test_no_subnets(text: object, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        values.subnet(text)


@given(st.ip_addresses(), st.integers(0, 128))
def test_a_subnet_is_taken_as_written_or_mended_to_one_that_is(
    address: object, length: int
) -> None:
    text = f"{address}/{length}"
    why = refusal(values.subnet, text)
    if not why:
        assert values.subnet(text) == ip_network(text)
    elif "write " in why:
        assert values.subnet(why.rpartition("write ")[2])


@pytest.mark.parametrize("text", ["0.0.0.0:53", "127.0.0.1:0", "[::]:53", "[2001:db8::1]:65535"])
def test_an_endpoint_is_shown_as_written(text: str) -> None:
    assert str(values.endpoint(text)) == text


@pytest.mark.parametrize(
    "value",
    [53, "53", "0.0.0.0", "::53", "[0.0.0.0]:53", "1.2.3.4:65536", "[fe80::1%eth0]:53", "x:53"],
)
def test_no_endpoints(value: object) -> None:
    with pytest.raises(ValueError, match=r"0\.0\.0\.0:53|has a scope|is not an address"):
        values.endpoint(value)


def test_an_address_says_its_own_family() -> None:
    with pytest.raises(ValueError, match=r"is an IPv4 address: write 10\.0\.0\.1"):
        values.address("::ffff:10.0.0.1")


@given(st.ip_addresses(), st.integers(0, 65_535))
def test_endpoints_read_back(address: object, port: int) -> None:
    endpoint = Endpoint(ip_address(str(address)), port)
    why = refusal(values.endpoint, str(endpoint))
    assert "is an IPv4 address" in why if why else values.endpoint(str(endpoint)) == endpoint


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("City.Example", "city.example"),
        ("city.example.", "city.example"),
        ("_sip._tcp.city.example", "_sip._tcp.city.example"),
        ("0/25.2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa"),
        ("h\u00f4tel-de-ville.example", "xn--htel-de-ville-plb.example"),
    ],
)
def test_domains(text: str, name: str) -> None:
    assert to_text(values.domain(text)) == name


@pytest.mark.parametrize(
    "value",
    ["", ".", "*.city.example", "a..b", "a b", "https://city.example/", "a" * 64, "a." * 130, 5],
)
def test_no_domains(value: object) -> None:
    with pytest.raises(ValueError, match=r"name|write it without"):
        values.domain(value)


@pytest.mark.parametrize("name", ["a", "staff-mobile", "0", "a" * 63])
def test_names(name: str) -> None:
    assert values.name(name) == name


@pytest.mark.parametrize("name", ["", "A", "-a", "a_b", "a" * 64, "a\n", "\u00e9", "a b", 5])
def test_no_names(name: object) -> None:
    with pytest.raises(ValueError, match="metric label"):
        values.name(name)


def test_the_label_of_clients_without_a_group_is_reserved() -> None:
    with pytest.raises(ValueError, match="outside every group: choose another name"):
        values.group_name("unregistered")


def test_what_rebinding_is_counted_under_is_no_policy() -> None:
    (found,) = complaints(MINIMAL.replace("tiktok-ban", "rebinding"))
    assert found.startswith("5: policies.rebinding: 'rebinding' is reserved: ")
    assert complaints(MINIMAL.replace("staff", "rebinding")) == []


def test_text_is_one_printable_line() -> None:
    assert values.text("a\n b\u00a0c") == "a b c"
    with pytest.raises(ValueError, match="invisible"):
        values.text("a\u202eb")


_FUNCTIONS = [
    values.duration,
    values.size,
    values.percentage,
    values.text,
    values.name,
    values.domain,
    values.address,
    values.ipv4,
    values.ipv6,
    values.subnet,
    values.endpoint,
    values.workers,
]


@given(
    st.sampled_from(_FUNCTIONS),
    st.text() | st.text("0123456789abf:./%[]-") | st.integers() | st.none() | st.booleans(),
)
def test_anything_is_a_value_or_a_printable_reason(
    function: Callable[[object], object], value: object
) -> None:
    assert refusal(function, value).isprintable()
