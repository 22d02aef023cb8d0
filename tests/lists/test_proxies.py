"""Proxies of the environment: which one, how it is asked, and what cannot be one."""

import os
import ssl
from collections.abc import Iterator

import pytest

from dnsguard.lists.proxies import ProxyServer, find_proxy
from tests.support.fetching import Hosts, content, message, outcome
from tests.support.nginx import Nginx, running_nginx
from tests.support.responders import Responder, running_responder

LIST = b"example.org\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n" + LIST


@pytest.fixture
def proxy() -> Iterator[Responder]:
    with running_responder(OK) as responder:
        yield responder


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with running_nginx(tmp_path_factory.mktemp("server")) as server:
        server.serve("/list.txt", LIST)
        yield server


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(variable)


class TestFetching:
    def test_http(self, proxy: Responder, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", f"http://u:p@proxy.example:{proxy.port}")
        hosts = Hosts({"proxy.example": ["127.0.0.1"]})
        assert content(outcome("http://lists.example/list.txt?a=b", hosts=hosts)) == LIST
        assert hosts.asked == ["proxy.example"]
        lines = proxy.requests[0].split(b"\r\n")
        assert lines[0] == b"GET http://lists.example/list.txt?a=b HTTP/1.1"
        assert b"Host: lists.example" in lines
        assert b"Proxy-Authorization: Basic dTpw" in lines

    def test_https(self, nginx: Nginx, proxy: Responder, monkeypatch: pytest.MonkeyPatch) -> None:
        proxy.tunnel_port = nginx.tls_port
        monkeypatch.setenv("https_proxy", f"127.0.0.1:{proxy.port}")
        trusting = ssl.create_default_context(cafile=nginx.certificate)
        for host in ("lists.example", "other.example"):
            hosts = Hosts()
            result = outcome(f"https://{host}/list.txt", hosts=hosts, ssl_context=trusting)
            if host == "lists.example":
                assert content(result) == LIST
            else:
                assert "other.example" in message(result)
            assert hosts.asked == []
            assert proxy.requests.pop().startswith(f"CONNECT {host}:443 HTTP/1.1\r\n".encode())

    def test_a_proxy_that_refuses(self, proxy: Responder, monkeypatch: pytest.MonkeyPatch) -> None:
        proxy.response = b"HTTP/1.1 403 \x1b[31mNo\r\n\r\n"
        monkeypatch.setenv("all_proxy", proxy.url(""))
        assert "the proxy does not let" in message(outcome("https://lists.example/list.txt"))
        assert "answers 403" in message(outcome("http://lists.example/list.txt"))

    def test_a_proxy_that_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", "http://u:hidden@proxy.example:3128")
        text = message(outcome("http://lists.example/list.txt"))
        assert text.startswith("http://lists.example/list.txt: proxy.example does not exist")

    def test_a_proxy_that_cannot_be_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("all_proxy", "socks5://u:hidden@proxy.example:1080")
        text = message(outcome("http://lists.example/list.txt"))
        assert "all_proxy is not an http:// one" in text

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "10.0.0.1", "[::1]"])
    def test_redirects_into_local_networks(
        self, host: str, proxy: Responder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", proxy.url(""))
        proxy.response = f"HTTP/1.1 302 x\r\nLocation: http://{host}/\r\n\r\n".encode()
        assert "not public" in message(outcome("http://lists.example/list.txt"))
        assert len(proxy.requests) == 1

    def test_user_and_password_are_for_the_server(
        self, proxy: Responder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", proxy.url(""))
        content(outcome("http://u:p@lists.example/list.txt"))
        assert proxy.requests[0].startswith(b"GET http://lists.example/list.txt HTTP/1.1\r\n")
        assert b"\r\nAuthorization: Basic dTpw\r\n" in proxy.requests[0]


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, None),
        ({"https_proxy": "http://a.example:1"}, None),
        ({"http_proxy": "http://a.example:1"}, ("http_proxy", "a.example", 1, None)),
        ({"HTTP_PROXY": "a.example"}, ("http_proxy", "a.example", 80, None)),
        ({"ALL_PROXY": "http://[::1]:1"}, ("all_proxy", "::1", 1, None)),
        ({"http_proxy": "http://u%40:p@a.example"}, ("http_proxy", "a.example", 80, ("u@", "p"))),
        ({"http_proxy": "http://u@a.example"}, ("http_proxy", "a.example", 80, ("u", ""))),
        ({"http_proxy": "a.example", "no_proxy": "*"}, None),
        ({"http_proxy": "a.example", "no_proxy": "x, .example"}, None),
        ({"http_proxy": "a.example", "no_proxy": "lists.example:80"}, None),
        ({"all_proxy": "a.example", "no_proxy": "x"}, ("all_proxy", "a.example", 80, None)),
    ],
)
def test_which_proxy(
    environment: dict[str, str],
    found: tuple[str, str, int, tuple[str, str] | None] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    expected = None if found is None else ProxyServer(*found)
    assert find_proxy("http", "lists.example", 80) == expected


def test_addresses_that_need_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://a.example")
    monkeypatch.setenv("no_proxy", "127.0.0.1,::1")
    assert find_proxy("http", "127.0.0.1", 8080) is None
    assert find_proxy("http", "::1", 8080) is None


@pytest.mark.parametrize(
    "value", ["https://a.example", "socks5h://a.example", "http://", "http://[", "http://a:x"]
)
def test_values_that_are_no_proxy(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", value)
    with pytest.raises(ValueError, match=r"^the proxy in http_proxy .*: set http_proxy to"):
        find_proxy("http", "lists.example", 80)
