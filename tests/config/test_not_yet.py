import pytest

from dnsguard.config import not_yet
from dnsguard.config.model import Config
from dnsguard.config.settings import Section
from tests.config.texts import MINIMAL, complaints

SUBNET = "subnets: [10.40.0.0/16]"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('listen: {dot: ["0.0.0.0:853"]}', "listen.dot"),
        ('listen: {doh: ["0.0.0.0:443"]}', "listen.doh"),
        ('listen: {doq: ["0.0.0.0:853"]}', "listen.doq"),
        ("listen: {certificate: a.pem}", "listen.certificate"),
        ("listen: {private_key: a.pem}", "listen.private_key"),
        ("listen: {server_name: dns.city.example}", "listen.server_name"),
        ('forward_zones: {a.example: ["tls://192.0.2.1#x"]}', "forward_zones.a.example[0]"),
        ('forward_zones: {a.example: ["https://x/y"]}', "forward_zones.a.example[0]"),
        (
            'forward_zones: {a.example: [{url: "udp://192.0.2.1", pins: [x]}]}',
            "forward_zones.a.example[0].pins",
        ),
        ("query_log: {what: all}", "query_log.what"),
        ("query_log: {clients: full}", "query_log.clients"),
        ("query_log: {retention: 1d}", "query_log.retention"),
        ("query_log: {max_per_second: 1}", "query_log.max_per_second"),
    ],
)
def test_what_is_not_built_is_refused(text: str, path: str) -> None:
    (found,) = complaints(MINIMAL + text)
    assert found.startswith(f"6: {path}: ")
    assert "not in this version" in found


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("identities: [a]", "groups.lab.identities"),
        ("starts: 2023-02-28", "policies.lab.starts"),
        ("review: 2023-02-28", "policies.lab.review"),
        ("ends: 2023-02-28", "policies.lab.ends"),
        (
            'schedule: [{days: [mon], hours: "08:00-18:00", timezone: America/Toronto}]',
            "policies.lab.schedule",
        ),
    ],
)
def test_what_is_not_built_is_refused_in_an_entry(text: str, path: str) -> None:
    section = path.partition(".")[0]
    group = text if section == "groups" else ""
    policy = text if section == "policies" else ""
    (found,) = complaints(
        f"""upstreams: ["udp://192.0.2.1"]
groups: {{lab: {{{SUBNET}, {group}}}}}
policies: {{lab: {{groups: [lab], block: [example.org], {policy}}}}}
"""
    )
    assert f": {path}: " in found
    assert "not in this version" in found


@pytest.mark.parametrize(
    "text",
    [
        "listen: {dot: [], doh: [], doq: [], certificate: null, private_key: ~, server_name: }",
        "strip_ech: false",
        "cache: {serve_stale: 24h}",
        "query_log: {what: blocked, clients: pseudonym, retention: 30d, max_per_second: 1000}",
    ],
)
def test_defaults_may_be_written_out(text: str) -> None:
    assert complaints(MINIMAL + text) == []


def test_every_row_is_a_field() -> None:
    fields = {
        f"{section.__name__}.{name}"
        for section in Section.__subclasses__()
        for name in section.model_fields
    }
    assert fields >= not_yet.FIELDS
    assert set(Config.model_fields) >= not_yet.INACTIVE
