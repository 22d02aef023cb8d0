"""Redirects: followed by hand, never into local networks that the config does not name."""

import ssl
from collections.abc import Iterator

import pytest

from dnsguard.lists.errors import ListError
from dnsguard.lists.fetched import Fetched, FetchError, NotModified, Validators
from tests.support.fetching import Hosts, content, message, outcome
from tests.support.nginx import Nginx, running_nginx
from tests.support.responders import running_responder

LIST = b"example.org\n"
HOSTS = {
    "lists.example": ["127.0.0.1"],
    "other.example": ["127.0.0.1"],
    "ten.example": ["10.0.0.1", "fe80::1", "::ffff:10.0.0.1"],
}


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with running_nginx(tmp_path_factory.mktemp("server")) as server:
        server.serve("/list.txt", LIST)
        yield server


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


def redirected(
    nginx: Nginx, to: str, *, tls: bool = False, named: tuple[str, ...] = ()
) -> Fetched | NotModified | ListError:
    nginx.answer("/old.txt", f'return 302 "{to}";')
    return outcome(
        nginx.url("/old.txt", tls=tls, host="lists.example"),
        hosts=Hosts(HOSTS),
        named=frozenset(named),
        ssl_context=ssl.create_default_context(cafile=nginx.certificate),
    )


def test_within_a_server(nginx: Nginx) -> None:
    result = redirected(nginx, "/list.txt")
    assert isinstance(result, Fetched)
    assert result.url == nginx.url("/list.txt", host="lists.example")
    assert content(result) == LIST


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_every_kind_of_redirect(nginx: Nginx, status: int) -> None:
    nginx.answer("/old.txt", f"return {status} {nginx.url('/list.txt')};")
    assert content(outcome(nginx.url("/old.txt"))) == LIST


def test_a_chain_up_to_five(nginx: Nginx) -> None:
    for number in range(5):
        nginx.answer(f"/hop{number}", f"return 302 /hop{number + 1};")
    nginx.answer("/hop5", f'return 200 "{LIST.decode()}";')
    assert content(outcome(nginx.url("/hop0"))) == LIST
    nginx.answer("/hop", "return 302 /hop0;")
    assert "more than 5 times" in message(outcome(nginx.url("/hop")))


def test_a_loop(nginx: Nginx) -> None:
    assert "more than 5 times" in message(redirected(nginx, "/old.txt"))


def test_nothing_new_at_the_end(nginx: Nginx) -> None:
    first = redirected(nginx, "/list.txt")
    content(first)
    assert isinstance(first, Fetched)
    again = outcome(nginx.url("/old.txt"), validators=Validators(first.validators.etag))
    assert isinstance(again, NotModified)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "other.example", "ten.example", "127.1", "2130706433", "[::1]"],
)
def test_not_into_local_networks(nginx: Nginx, host: str) -> None:
    result = redirected(nginx, nginx.url("/list.txt", host=host))
    assert isinstance(result, FetchError)
    assert "not public" in message(result)


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("other.example", "other.example"),
        ("OTHER.example.", "other.example"),
        ("localhost", "localhost"),
    ],
)
def test_unless_the_config_names_the_host(nginx: Nginx, host: str, named: str) -> None:
    assert content(redirected(nginx, nginx.url("/list.txt", host=host), named=(named,))) == LIST


def test_a_named_host_does_not_let_others_in(nginx: Nginx) -> None:
    result = redirected(nginx, nginx.url("/list.txt"), named=("other.example",))
    assert "not public" in message(result)


@pytest.mark.parametrize(
    "to",
    [
        "file:///etc/passwd",
        "ftp://lists.example/list.txt",
        "gopher://127.0.0.1/",
        "data:text/plain,example.org",
        "http://[::1/",
        "http://lists.example:99999/",
        "http://lists.example:0/",
    ],
)
def test_not_to_what_is_no_web_address(nginx: Nginx, to: str) -> None:
    result = redirected(nginx, to)
    assert isinstance(result, FetchError)
    assert "no http or https URL" in message(result)


def test_from_http_to_https_but_not_back(nginx: Nginx) -> None:
    safe = nginx.url("/list.txt", tls=True, host="lists.example")
    assert content(redirected(nginx, safe)) == LIST
    unsafe = nginx.url("/list.txt", host="lists.example")
    assert "from https to http" in message(redirected(nginx, unsafe, tls=True))


def test_without_a_location(nginx: Nginx) -> None:
    with running_responder(b"HTTP/1.1 302 Found\r\n\r\n") as server:
        assert "answers 302" in message(outcome(server.url()))


def test_user_and_password_stay_with_their_server(nginx: Nginx) -> None:
    nginx.answer("/echo", 'return 200 "[$http_authorization]";')
    hosts, named = Hosts(HOSTS), frozenset({"other.example"})
    for to, told in (
        ("/echo", b"[Basic dTpw]"),
        (nginx.url("/echo", host="other.example"), b"[]"),
        (nginx.url("/echo", host="x:y@other.example"), b"[]"),
        (nginx.url("/echo", host="lists.example"), b"[Basic dTpw]"),
    ):
        nginx.answer("/old.txt", f"return 302 {to};")
        url = nginx.url("/old.txt", host="u:p@lists.example")
        assert content(outcome(url, hosts=hosts, named=named)) == told


def test_cookies_are_not_kept(nginx: Nginx) -> None:
    nginx.answer("/echo", 'return 200 "[$http_cookie]";')
    nginx.answer("/old.txt", "add_header Set-Cookie a=b always; return 302 /echo;")
    assert content(outcome(nginx.url("/old.txt"))) == b"[]"
