"""The servers that are measured, one file each, by name."""

from collections.abc import Callable
from pathlib import Path

from benchmarks.peers import bind, dnsdist, dnsmasq, echo, guard, recursor, unbound
from benchmarks.peers.kind import Kind

_KINDS: dict[str, Callable[[], Kind]] = {
    "dnsguard": guard.compiled,
    "dnsguard-plain": guard.plain,
    **{
        kind.name: lambda kind=kind: kind  # type: ignore[misc]
        for kind in (dnsdist.KIND, recursor.KIND, unbound.KIND, bind.KIND, dnsmasq.KIND, echo.KIND)
    },
}

NAMES = tuple(_KINDS)


def find(name: str) -> Kind:
    """Return the server of a name, or of `dnsguard@CHECKOUT`; a wrong one ends the run."""
    if name.startswith("dnsguard@"):
        return guard.other(Path(name.partition("@")[2]).resolve())
    if name not in _KINDS:
        raise SystemExit(f"no server named {name!a}: there are {', '.join(NAMES)}")
    return _KINDS[name]()
