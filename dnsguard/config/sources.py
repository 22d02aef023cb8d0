"""Where lists come from, which lists and rules a policy names, and where queries are sent on."""

import re
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, cast
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)

from dnsguard.config import not_yet
from dnsguard.config.values import (
    Address,
    address,
    bracketed,
    domain,
    not_empty,
    refuse_repetition,
)
from dnsguard.core import names
from dnsguard.lists.bundled import BUILTIN as BUILTIN_LISTS
from dnsguard.lists.formats import parse_line
from dnsguard.lists.signature import parse_public_key
from dnsguard.text import quote

BUILTIN = "builtin:"

Transport = Literal["udp", "tcp", "tls", "https"]

_PORTS = {"udp": 53, "tcp": 53, "tls": 853}
_SHA256 = re.compile("[0-9a-fA-F]{64}")
_UPSTREAM = re.compile(r"([a-z]+)://(\[[^\]/#]*\]|[^:/#\[\]]*)(?::([0-9]{1,5}))?(?:#(.*))?", re.I)


class UpstreamParts(NamedTuple):
    """What an upstream's URL says."""

    transport: Transport
    address: Address
    port: int
    name: str | None

    def __str__(self) -> str:
        port = "" if self.port == _PORTS[self.transport] else f":{self.port}"
        name = f"#{self.name}" if self.name else ""
        return f"{self.transport}://{bracketed(self.address)}{port}{name}"


def parse_upstream(value: object) -> UpstreamParts:
    """Return what `udp://ADDR[:PORT]`, `tcp://` or `tls://ADDR[:PORT]#NAME` says."""
    if not isinstance(value, str):
        raise ValueError("must be a URL such as udp://9.9.9.9")
    scheme = value.partition("://")[0].lower()
    if scheme in not_yet.UPSTREAM_SCHEMES:
        raise ValueError(f"{scheme}:// upstreams are not in this version: use udp:// or tcp://")
    match = _UPSTREAM.fullmatch(value)
    if match is None or scheme not in _PORTS:
        raise ValueError(
            f"{quote(value)} is not an upstream: write udp:// or tcp:// and an address, as in "
            "udp://9.9.9.9 or udp://[2620:fe::fe]:53"
        )
    host = address(match[2].strip("[]"))
    if bracketed(host).startswith("[") != match[2].startswith("["):
        raise ValueError(f"{quote(value)}: write the address as {bracketed(host)}")
    if host.is_unspecified or host.is_multicast:
        raise ValueError(f"{quote(value)}: {host} is not the address of a server")
    port = int(match[3] or _PORTS[scheme])
    if not 1 <= port <= 65_535:
        raise ValueError(f"{quote(value)}: a port is a number from 1 to 65535")
    name = _certificate_name(value, scheme, match[4])
    return UpstreamParts(cast("Transport", scheme), host, port, name)


def _certificate_name(value: str, scheme: str, name: str | None) -> str | None:
    if scheme == "tls":
        if not name:
            raise ValueError(f"{quote(value)}: add the name in its certificate, as in #dns.example")
        return names.to_text(domain(name))
    if name is not None:
        raise ValueError(f"{quote(value)}: {scheme} has no certificate: remove the '#' and after")
    return None


def upstream_url(value: object) -> str:
    """Return an upstream's URL in its one normal form."""
    return str(parse_upstream(value))


def builtin_list(value: str) -> str:
    """Return the reference to a bundled list, `builtin:NAME`."""
    name = value.removeprefix(BUILTIN)
    if name not in BUILTIN_LISTS:
        known = ", ".join(BUILTIN + known for known in BUILTIN_LISTS)
        raise ValueError(f"no list named {quote(value)}: the bundled ones are {known}")
    return value


def list_source(value: object, info: ValidationInfo) -> str:
    """Return `builtin:NAME` and URLs as they are; a path absolute, from the main file's folder."""
    if not isinstance(value, str) or not value:
        raise ValueError("must be builtin:NAME, the path of a file or a URL")
    if value.startswith(BUILTIN):
        return builtin_list(value)
    if "://" in value:
        return list_url(value)
    return str(path(value, info))


def list_url(value: str) -> str:
    """Return the URL of a list; it is not repeated in errors, for it may hold a password."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("the URL cannot be read: write it as https://HOST/PATH") from None
    if parts.scheme not in {"http", "https"}:
        raise ValueError("a list is fetched by https:// or http://: write it as https://HOST/PATH")
    if not host or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError(
            "the URL needs a host, and other characters than ASCII escaped: write it as "
            "https://HOST/PATH"
        )
    return value


def list_sources(value: object) -> object:
    """Return one source as a list of one."""
    return (value,) if isinstance(value, str) else value


def only_mirrors(sources: tuple[str, ...]) -> tuple[str, ...]:
    """Return sources that may stand together: mirrors, tried in order, are URLs."""
    if len(sources) > 1 and not all("://" in source for source in sources):
        raise ValueError("several sources are mirrors of one list: they must all be URLs")
    refuse_repetition(sources)
    return sources


def public_key(value: object) -> str:
    """Return a minisign public key as it was written."""
    if not isinstance(value, str):
        raise ValueError("must be a minisign public key: the last line of minisign.pub (RW...)")
    parse_public_key(value)
    return value


def sha256(value: object) -> str:
    """Return a SHA-256 hash in lower case."""
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise ValueError("must be 64 hexadecimal digits, as sha256sum prints them")
    return value.lower()


def list_reference(value: object) -> str:
    """Return the name of a list as a policy gives it; that it exists is checked elsewhere."""
    if not isinstance(value, str):
        raise ValueError("must be the name of a list")
    return builtin_list(value) if value.startswith(BUILTIN) else value


def rule(value: object) -> str:
    """Return a rule in dnsguard's own list syntax, checked."""
    if not isinstance(value, str):
        raise ValueError("must be a name such as example.org")
    if len(value.split()) > 1:
        raise ValueError(f"{quote(value)} is more than one word: write each name by itself")
    try:
        parsed = parse_line(value)
    except ValueError as error:
        raise ValueError(
            f"{quote(value)} is no rule ({error}): write it as in example.org"
        ) from None
    if parsed.name == names.ROOT:
        raise ValueError(f"{quote(value)} is every name: write a name such as example.org")
    return value


def path(value: object, info: ValidationInfo) -> Path:
    """Return an absolute path; a relative one starts at the folder of the main file."""
    if not isinstance(value, str) or not value:
        raise ValueError("must be the path of a file or folder")
    folder = (info.context or {}).get("folder", Path())
    return Path(folder, value)


_TEXT_OR_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}

UpstreamURL = Annotated[
    str,
    PlainValidator(upstream_url),
    WithJsonSchema({"type": "string", "examples": ["udp://9.9.9.9"]}),
]
ListSources = Annotated[
    tuple[Annotated[str, PlainValidator(list_source)], ...],
    AfterValidator(not_empty),
    AfterValidator(only_mirrors),
    BeforeValidator(list_sources),
    WithJsonSchema(_TEXT_OR_TEXTS),
]
PublicKey = Annotated[str, PlainValidator(public_key), WithJsonSchema({"type": "string"})]
Sha256 = Annotated[
    str,
    PlainValidator(sha256),
    WithJsonSchema({"type": "string", "pattern": f"^{_SHA256.pattern}$"}),
]
ListReference = Annotated[str, PlainValidator(list_reference), WithJsonSchema({"type": "string"})]
RuleText = Annotated[str, PlainValidator(rule), WithJsonSchema({"type": "string"})]
FilePath = Annotated[Path, PlainValidator(path), WithJsonSchema({"type": "string"})]
