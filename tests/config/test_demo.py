from ipaddress import ip_network
from pathlib import Path

import pytest

from dnsguard.config import Source, demo, parse, system_upstreams


@pytest.mark.parametrize("state", ["/srv/demo", "/srv/it's: #1 [x]\u00e9"])
def test_the_demo_config(state: str) -> None:
    config = parse([Source("demo", demo(Path(state), ["udp://10.0.0.53", "udp://[2001:db8::1]"]))])
    assert [str(endpoint) for endpoint in config.listen.dns] == ["127.0.0.1:10053"]
    assert str(config.listen.admin) == "127.0.0.1:19153"
    assert config.groups["demo"].subnets == (ip_network("127.0.0.2/32"),)
    assert config.groups["demo"].description
    policy = config.policies["tiktok-ban"]
    assert (policy.stage, policy.lists, policy.groups) == (
        "enforce",
        ("builtin:tiktok",),
        ("demo",),
    )
    assert [upstream.url for upstream in config.upstreams] == [
        "udp://10.0.0.53",
        "udp://[2001:db8::1]",
    ]
    assert config.directories.resolve({}) == (Path(state), Path(state) / "run")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nameserver 10.0.0.53\n", ["udp://10.0.0.53"]),
        ("nameserver\t2001:DB8::1 # x\noptions rotate", ["udp://[2001:db8::1]"]),
        ("; nameserver 10.0.0.1\n#nameserver 10.0.0.2\n", ["udp://127.0.0.1"]),
        ("", ["udp://127.0.0.1"]),
        ("nameserver fe80::1%eth0\nnameserver 10.0.0.1", ["udp://10.0.0.1"]),
        ("nameserver x\nnameserver", []),
        (
            "".join(f"nameserver 10.0.0.{number}\n" for number in range(5)),
            ["udp://10.0.0.0", "udp://10.0.0.1", "udp://10.0.0.2"],
        ),
    ],
)
def test_upstreams_of_the_system(text: str, expected: list[str]) -> None:
    assert system_upstreams(text) == expected
