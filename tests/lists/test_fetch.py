"""Fetching from a real nginx, and from servers that no nginx would be."""

import gzip
import os
import ssl
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.lists.errors import ListError, Refused
from dnsguard.lists.fetched import Fetched, FetchError, FetchLimits, NotModified, Validators
from tests.support.dns_server import free_port
from tests.support.fetching import Hosts, content, message, outcome
from tests.support.nginx import Nginx, running_nginx
from tests.support.responders import running_responder

LIST = b"example.org\n" * 5000
MIB = 1 << 20
GZIPPED = "add_header Content-Encoding gzip;"
ECHO = "$http_authorization|$http_cookie|$http_user_agent|$http_accept_encoding"


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with running_nginx(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(variable)


@pytest.fixture(autouse=True)
def _no_descriptor_is_left(nginx: Nginx, no_proxy: None) -> Iterator[None]:
    before = _descriptors()
    yield
    assert _descriptors() == before


def _descriptors() -> int:
    """Count files in memory and sockets; the first loop of a process keeps a pipe."""
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            count += str(link.readlink()).startswith(("/memfd:", "socket:"))
    return count


def refusal(result: object) -> str:
    assert isinstance(result, Refused), result
    return result.reason


class TestWhatComes:
    def test_a_list(self, nginx: Nginx) -> None:
        nginx.serve("/list.txt", LIST)
        progress: list[tuple[int, int | None]] = []
        result = outcome(nginx.url("/list.txt?key=hidden"), progress=progress)
        assert isinstance(result, Fetched)
        assert result.url == nginx.url("/list.txt")
        assert result.size == len(LIST)
        assert progress[-1] == (len(LIST), len(LIST))
        assert content(result) == LIST

    def test_the_hash_is_that_of_the_file(self, nginx: Nginx) -> None:
        nginx.serve("/list.txt", b"example.org\n")
        result = outcome(nginx.url("/list.txt"))
        content(result)
        assert isinstance(result, Fetched)
        assert result.sha256 == "04e512879df7acb18392404d982a1b179e94c20b53ee03b75538624863d89e96"

    def test_an_empty_file_is_for_others_to_judge(self, nginx: Nginx) -> None:
        nginx.serve("/list.txt", b"")
        assert content(outcome(nginx.url("/list.txt"))) == b""

    @pytest.mark.parametrize("kept", ["both", "etag", "last_modified"])
    def test_nothing_new(self, nginx: Nginx, kept: str) -> None:
        nginx.serve("/list.txt", LIST)
        first = outcome(nginx.url("/list.txt"))
        content(first)
        assert isinstance(first, Fetched)
        validators = {
            "both": first.validators,
            "etag": Validators(etag=first.validators.etag),
            "last_modified": Validators(last_modified=first.validators.last_modified),
        }[kept]
        result = outcome(nginx.url("/list.txt"), validators=validators)
        assert isinstance(result, NotModified)
        nginx.serve("/list.txt", LIST + b"example.net\n")
        result = outcome(nginx.url("/list.txt"), validators=validators)
        assert content(result) == LIST + b"example.net\n"

    def test_compressed_on_the_way(self, nginx: Nginx) -> None:
        nginx.serve("/list.txt", LIST, "gzip on; gzip_types *;")
        assert content(outcome(nginx.url("/list.txt"))) == LIST
        nginx.serve("/list.txt", gzip.compress(LIST), GZIPPED)
        assert content(outcome(nginx.url("/list.txt"))) == LIST

    def test_a_compressed_file_is_left_as_it_is(self, nginx: Nginx) -> None:
        nginx.serve("/list.gz", gzip.compress(LIST))
        assert gzip.decompress(content(outcome(nginx.url("/list.gz")))) == LIST

    def test_what_the_server_is_told(self, nginx: Nginx) -> None:
        nginx.answer("/echo", f'return 200 "{ECHO}";')
        words = content(outcome(nginx.url("/echo"))).decode().split("|")
        assert words[:2] == ["", ""]
        assert words[2].startswith("dnsguard/")
        assert words[3] == "gzip"

    def test_memory_stays_flat(self, nginx: Nginx) -> None:
        nginx.serve("/list.txt", bytes(32 * MIB))
        tracemalloc.start()
        try:
            result = outcome(nginx.url("/list.txt"), max_size=64 * MIB)
            assert tracemalloc.get_traced_memory()[1] < 16 * MIB
        finally:
            tracemalloc.stop()
        assert isinstance(result, Fetched)
        os.close(result.descriptor)


class TestWhatMustNotBeUsed:
    def test_half_a_gzip(self, nginx: Nginx) -> None:
        data = gzip.compress(os.urandom(10_000))
        nginx.serve("/list.txt", data[: len(data) // 2], GZIPPED)
        assert refusal(outcome(nginx.url("/list.txt"))) == "truncated"

    def test_a_damaged_gzip(self, nginx: Nginx) -> None:
        nginx.serve("/list.txt", LIST, GZIPPED)
        assert refusal(outcome(nginx.url("/list.txt"))) == "compression"

    def test_another_compression(self, nginx: Nginx) -> None:
        nginx.serve("/list.txt", LIST, "add_header Content-Encoding br;")
        assert refusal(outcome(nginx.url("/list.txt"))) == "compression"

    def test_a_hundred_times_the_size(self, nginx: Nginx) -> None:
        nginx.serve("/list.txt", bytes(100 * 10_000))
        result = outcome(nginx.url("/list.txt"), max_size=10_000)
        assert refusal(result) == "size"
        assert "10000 octets" in message(result)

    def test_a_size_that_is_not_told_beforehand(self) -> None:
        with running_responder(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(50_000)) as server:
            assert refusal(outcome(server.url(), max_size=10_000)) == "size"
            assert len(content(outcome(server.url(), max_size=50_000))) == 50_000

    def test_a_bomb(self, nginx: Nginx) -> None:
        nginx.serve("/list.txt", gzip.compress(bytes(100 * MIB), 1), GZIPPED)
        assert refusal(outcome(nginx.url("/list.txt"), max_size=MIB)) == "size"

    def test_a_gzip_that_never_says_anything(self) -> None:
        members = gzip.compress(b"") * 1000
        with running_responder(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n") as server:
            server.response += members
            assert refusal(outcome(server.url(), max_size=1000)) == "size"

    @pytest.mark.parametrize(
        "head", [b"Content-Length: 100\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n64\r\nabc"]
    )
    def test_an_end_that_comes_too_early(self, head: bytes) -> None:
        with running_responder(b"HTTP/1.1 200 OK\r\n" + head) as server:
            assert refusal(outcome(server.url())) == "truncated"


class TestWhatDoesNotCome:
    @pytest.mark.parametrize("status", [204, 403, 404, 410, 500, 503])
    def test_a_status(self, nginx: Nginx, status: int) -> None:
        nginx.answer("/list.txt", f"return {status};")
        result = outcome(nginx.url("/list.txt?key=hidden"))
        assert isinstance(result, FetchError)
        assert message(result).startswith(f"{nginx.url('/list.txt')}: the server answers {status}:")

    def test_not_modified_though_nothing_was_there_before(self, nginx: Nginx) -> None:
        nginx.answer("/list.txt", "return 304;")
        assert "answers 304" in message(outcome(nginx.url("/list.txt")))

    def test_a_stall(self, nginx: Nginx) -> None:
        nginx.stall("/list.txt")
        result = outcome(nginx.url("/list.txt"), limits=FetchLimits(stall=0.05))
        assert "nothing came for 0.05 s" in message(result)

    def test_a_stall_in_the_middle(self, nginx: Nginx) -> None:
        nginx.serve("/list.txt", bytes(10 * MIB), "limit_rate_after 100k; limit_rate 1;")
        result = outcome(nginx.url("/list.txt"), max_size=20 * MIB, limits=FetchLimits(stall=0.05))
        assert "nothing came for 0.05 s" in message(result)

    def test_no_end_in_time(self, nginx: Nginx) -> None:
        nginx.serve("/list.txt", bytes(10 * MIB), "limit_rate_after 100k; limit_rate 1;")
        result = outcome(nginx.url("/list.txt"), max_size=20 * MIB, limits=FetchLimits(total=0.1))
        assert isinstance(result, FetchError)
        assert "not complete within 0.1 s" in message(result)

    def test_nobody_there(self) -> None:
        assert "connection refused" in message(outcome(f"http://127.0.0.1:{free_port()}/list.txt"))

    def test_no_such_host(self) -> None:
        result = outcome("http://missing.example/list.txt")
        assert message(result).startswith("http://missing.example/list.txt: missing.example does")

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "lists.example",
            "file:///etc/passwd",
            "http://",
            "http://u:hidden@a:99999/",
            "http://[::1",
        ],
    )
    def test_a_url_that_is_none(self, url: str) -> None:
        assert message(outcome(url)).startswith("the URL cannot be read")


class TestWhereItIsAskedFor:
    def test_names_are_resolved_by_the_service_given(self, nginx: Nginx) -> None:
        nginx.serve("/list.txt", LIST)
        hosts = Hosts({"lists.example": ["127.0.0.1"]})
        url = nginx.url("/list.txt", host="lists.example")
        assert content(outcome(url, hosts=hosts)) == LIST
        assert hosts.asked == ["lists.example"]

    def test_the_server_is_told_which_host_is_meant(self, nginx: Nginx) -> None:
        nginx.answer("/echo", 'return 200 "$http_host";')
        hosts = Hosts({"lists.example": ["127.0.0.1"]})
        told = content(outcome(nginx.url("/echo", host="LISTS.example"), hosts=hosts))
        assert told.decode() == f"lists.example:{nginx.port}"

    def test_the_next_address_when_one_does_not_answer(self, nginx: Nginx) -> None:
        nginx.serve("/list.txt", LIST)
        url = nginx.url("/list.txt", host="lists.example")
        dead = ["127.0.0.2", "::1", "127.0.0.3"]
        assert content(outcome(url, hosts=Hosts({"lists.example": [*dead, "127.0.0.1"]}))) == LIST
        too_many = Hosts({"lists.example": [*dead, "127.0.0.4", "127.0.0.1"]})
        assert "connection refused" in message(outcome(url, hosts=too_many))

    def test_certificates(self, nginx: Nginx) -> None:
        nginx.serve("/list.txt", LIST)
        hosts = Hosts({"lists.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]})
        trusting = ssl.create_default_context(cafile=nginx.certificate)
        for host in ("lists.example", "127.0.0.1"):
            url = nginx.url("/list.txt", tls=True, host=host)
            assert content(outcome(url, hosts=hosts, ssl_context=trusting)) == LIST
            assert "certificate is not accepted" in message(outcome(url, hosts=hosts))
        url = nginx.url("/list.txt", tls=True, host="other.example")
        assert "other.example" in message(outcome(url, hosts=hosts, ssl_context=trusting))

    def test_tls_with_what_speaks_none(self, nginx: Nginx) -> None:
        url = f"https://127.0.0.1:{nginx.port}/list.txt"
        assert "TLS cannot be agreed on" in message(outcome(url))

    def test_user_and_password(self, nginx: Nginx) -> None:
        nginx.answer("/echo", 'return 200 "$http_authorization";')
        url = nginx.url("/echo").replace("//", "//us%40er:hid%3Aden@")
        result = outcome(url)
        assert isinstance(result, Fetched)
        assert result.url == nginx.url("/echo")
        assert content(result) == b"Basic dXNAZXI6aGlkOmRlbg=="
        nginx.answer("/echo", "return 401;")
        assert message(outcome(url)).startswith(f"{nginx.url('/echo')}: the server answers 401")


class TestValidators:
    @pytest.mark.parametrize("etag", [b'"' + b"x" * 600 + b'"', b'"\xff"', b'"\x80\x1b"'])
    def test_those_no_server_should_send_are_not_kept(self, etag: bytes) -> None:
        with running_responder(b"HTTP/1.1 200 OK\r\nETag: " + etag + b"\r\n\r\n") as server:
            result = outcome(server.url())
            content(result)
            assert isinstance(result, Fetched)
            assert result.validators == Validators()

    def test_damaged_ones_are_not_sent(self) -> None:
        damaged = Validators('"a"\r\nX-Injected: 1', "x" * 600)
        with running_responder(b"HTTP/1.1 200 OK\r\n\r\n") as server:
            content(outcome(server.url(), validators=damaged))
            assert b"If-" not in server.requests[0]
            assert b"Injected" not in server.requests[0]


_PIECES = [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 302 \x1b[31m\r\n", b"HTTP/1.1 304 x\r\n", b"\r\n"]
_PIECES += [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 101 x\r\n", b"HTTP/9.9 999 x\r\n"]
_PIECES += [b"Content-Length: 5\r\n", b"Content-Length: 5, 6\r\n", b"Content-Length: -1\r\n"]
_PIECES += [b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n", b"3\r\nabc\r\n"]
_PIECES += [b"Location: /\r\n", b"Location: http://[\r\n", b"Location: http://\xff:0/\r\n"]
_PIECES += [b"Location: //a:99999/\r\n", b"Location: \x1b[2J\r\n", b"ETag: \x1b\r\n", b"0\r\n\r\n"]


@given(st.lists(st.sampled_from(_PIECES) | st.binary(max_size=20), max_size=8).map(b"".join))
def test_whatever_a_server_sends_the_outcome_is_one_of_four(response: bytes) -> None:
    before = _descriptors()
    with running_responder(response) as server:
        result = outcome(server.url(), validators=Validators('"a"'))
        if isinstance(result, ListError):
            message(result)
        elif isinstance(result, Fetched):
            content(result)
    assert _descriptors() == before
