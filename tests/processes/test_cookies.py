"""Server cookies as real clients see them: one from every worker, good over a restart."""

import re
import subprocess
from pathlib import Path

from tests.support.loops import DEADLINE
from tests.support.server import Server, running

CLIENT = "2464c4abcf10c957"
CONFIG = {"local_records": ["www.example.org. 300 IN A 192.0.2.80"]}
TIMES = 12  # enough for the kernel to pick both workers: each comes from a port of its own


def dig(server: Server, *options: str) -> str:
    command = ["dig", "@127.0.0.1", "-p", str(server.port), "+tries=1", "+norecurse"]
    done = subprocess.run(
        [*command, *options, "www.example.org"],
        capture_output=True,
        text=True,
        check=True,
        timeout=DEADLINE,
    )
    _, _, said = done.stdout.partition("Got answer:")
    assert "192.0.2.80" in said, done.stdout
    return said


def cookie(said: str) -> str:
    """Return the server's part of a cookie that dig found to belong to its own."""
    found = re.search(rf"COOKIE: {CLIENT}([0-9a-f]{{32}}) \(good\)", said)
    assert found is not None, said
    return found[1]


def test_a_server_cookie_is_good_for_every_worker_and_over_a_restart(tmp_path: Path) -> None:
    with running(tmp_path, CONFIG) as server:
        given = cookie(dig(server, f"+cookie={CLIENT}"))
        whole = f"+cookie={CLIENT}{given}"
        assert {cookie(dig(server, whole)) for _ in range(TIMES)} == {given}
        assert given == cookie(dig(server, whole, "+tcp"))
    secrets = tmp_path / "state" / "cookie-secrets.json"
    assert secrets.stat().st_mode & 0o777 == 0o600
    with running(tmp_path, CONFIG) as server:
        assert {cookie(dig(server, whole)) for _ in range(TIMES)} == {given}
    secrets.unlink()
    with running(tmp_path, CONFIG) as server:
        assert cookie(dig(server, whole)) != given
        text = server.log_path.read_text() + server.metrics() + str(server.status())
        assert secrets.is_file()
        for secret in re.findall(r"[0-9a-f]{32}", secrets.read_text()):
            assert secret not in text


def test_other_options_of_real_clients_are_no_errors(tmp_path: Path) -> None:
    subnets = ("+subnet=0", "+subnet=192.0.2.0/23", "+subnet=2001:db8::/56")
    with running(tmp_path, CONFIG) as server:
        for option in (*subnets, "+padding=128", "+keepalive", "+nsid", "+ednsopt=65001:ff"):
            for transport in ("+notcp", "+tcp"):
                said = dig(server, option, "+nocookie", transport)
                assert "status: NOERROR" in said
                idle = "TCP KEEPALIVE: 10.0 secs" in said
                assert idle == (option == "+keepalive" and transport == "+tcp"), said
                assert not re.search(r"COOKIE|CLIENT-SUBNET|PAD|NSID|OPT=65001", said), said
