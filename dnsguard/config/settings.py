"""The sections about the server itself: what it listens on, keeps, limits and writes down."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from dnsguard.config import not_yet
from dnsguard.config.sources import FilePath
from dnsguard.config.values import (
    Domain,
    Duration,
    Endpoint,
    Listener,
    SinkholeIPv4,
    SinkholeIPv6,
    Size,
    Subnet,
    not_empty,
    refuse_repetition,
)

MIN_CACHE = 2**20


class Section(BaseModel):
    """A mapping of the config file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @field_validator("*")
    @classmethod
    def _refuse_what_is_not_built(cls, value: object, info: ValidationInfo) -> object:
        name = info.field_name or ""
        not_yet.refuse(cls.__name__, name, value, cls.model_fields[name].get_default())
        return value


def _distinct_listeners(listeners: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    refuse_repetition(str(listener) for listener in listeners if listener.port)
    return listeners


Listeners = Annotated[tuple[Listener, ...], AfterValidator(_distinct_listeners)]


class Listen(Section):
    """Where queries and administration come in; `admin` None switches the latter off."""

    dns: Annotated[Listeners, AfterValidator(not_empty)] = (
        Endpoint(IPv4Address("0.0.0.0"), 53),
        Endpoint(IPv6Address("::"), 53),
    )
    dot: Listeners = ()
    doh: Listeners = ()
    doq: Listeners = ()
    server_name: Domain | None = None
    certificate: FilePath | None = None
    private_key: FilePath | None = None
    admin: Listener | None = Endpoint(IPv4Address("127.0.0.1"), 9153)

    @model_validator(mode="after")
    def _admin_has_its_own_port(self) -> Self:
        if self.admin is not None and self.admin.port and self.admin in self.dns:
            raise ValueError(f"{self.admin} is both in 'dns' and 'admin': give each its own port")
        return self


class Sinkhole(Section):
    """The addresses that the sinkhole answers with."""

    ipv4: SinkholeIPv4 = IPv4Address("0.0.0.0")
    ipv6: SinkholeIPv6 = IPv6Address("::")
    ttl: Duration = 30


class Rebinding(Section):
    """Protection from public names that are answered with private addresses."""

    protect: bool = True
    allow: tuple[Domain, ...] = ()


class Cache(Section):
    """The cache of all workers together; `size` in octets, the rest in seconds."""

    size: Size = 128 * 2**20
    min_ttl: Duration = 0
    max_ttl: Duration = 86_400
    serve_stale: Duration = 86_400

    @model_validator(mode="after")
    def _bounds_make_sense(self) -> Self:
        if self.size < MIN_CACHE:
            raise ValueError("'size' is too small: at least 1MiB")
        if self.min_ttl > self.max_ttl:
            raise ValueError("'min_ttl' is longer than 'max_ttl': lower it")
        return self


class Edns(Section):
    """EDNS towards clients and upstreams."""

    udp_size: Annotated[int, Field(ge=512, le=4_096)] = 1_232


class Limits(Section):
    """What one client may have open; `exempt` clients have no limit."""

    pending_per_client: Annotated[int, Field(ge=1, le=1_000_000)] = 1_000
    tcp_per_client: Annotated[int, Field(ge=1, le=1_000_000)] = 50
    exempt: tuple[Subnet, ...] = ()


class QueryLog(Section):
    """What is written down of queries, and for how long."""

    what: Literal["none", "blocked", "all"] = "blocked"
    clients: Literal["full", "prefix", "pseudonym", "none"] = "pseudonym"
    retention: Duration = 30 * 86_400
    max_per_second: Annotated[int, Field(ge=1, le=1_000_000)] = 1_000


class Directories(Section):
    """Where dnsguard keeps what it must not lose, and its socket."""

    state: FilePath | None = None
    runtime: FilePath | None = None

    def resolve(self, environ: Mapping[str, str]) -> tuple[Path, Path]:
        """Return the state and runtime directory: as set, else systemd's, else the usual ones."""
        state = environ.get("STATE_DIRECTORY", "").split(":")[0] or "/var/lib/dnsguard"
        runtime = environ.get("RUNTIME_DIRECTORY", "").split(":")[0] or "/run/dnsguard"
        return self.state or Path(state), self.runtime or Path(runtime)

    def control_socket(self, environ: Mapping[str, str]) -> Path:
        """Return where the running dnsguard takes commands."""
        return self.resolve(environ)[1] / "control.sock"
