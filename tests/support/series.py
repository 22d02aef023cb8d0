"""The series of the public interface: what dashboards, rules and people's own queries rely on."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Series:
    """One metric family with the labels that dnsguard itself sets."""

    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...] = ()


_BLOCKED = ("group", "policy", "list", "trigger", "qtype")

SERIES = {
    "dnsguard_queries_total": Series("counter", ("group", "transport")),
    "dnsguard_responses_total": Series("counter", ("rcode", "source")),
    "dnsguard_blocked_total": Series("counter", _BLOCKED),
    "dnsguard_shadow_total": Series("counter", _BLOCKED),
    "dnsguard_response_seconds": Series("histogram", ("source",)),
    "dnsguard_upstream_seconds": Series("histogram", ("upstream",)),
    "dnsguard_upstream_errors_total": Series("counter", ("upstream", "reason")),
    "dnsguard_upstream_up": Series("gauge", ("upstream",)),
    "dnsguard_cache_entries": Series("gauge", ("worker",)),
    "dnsguard_cache_bytes": Series("gauge", ("worker",)),
    "dnsguard_pending_queries": Series("gauge", ("worker",)),
    "dnsguard_udp_dropped_total": Series("counter"),
    "dnsguard_log_dropped_total": Series("counter"),
    "dnsguard_limited_total": Series("counter", ("limit",)),
    "dnsguard_policy_enforcing": Series("gauge", ("policy",)),
    "dnsguard_policy_stage": Series("gauge", ("policy",)),
    "dnsguard_generation": Series("gauge"),
    "dnsguard_reloads_total": Series("counter", ("result",)),
    "dnsguard_last_reload_timestamp_seconds": Series("gauge"),
    "dnsguard_config_current": Series("gauge"),
    "dnsguard_list_names": Series("gauge", ("list",)),
    "dnsguard_list_age_seconds": Series("gauge", ("list",)),
    "dnsguard_list_updates_total": Series("counter", ("list", "result")),
    "dnsguard_list_refused_total": Series("counter", ("list", "reason")),
    "dnsguard_bypass_signals_total": Series("counter", ("group", "signal")),
    "dnsguard_query_log_dropped_total": Series("counter"),
    "dnsguard_audit_failures_total": Series("counter"),
    "dnsguard_worker_restarts_total": Series("counter", ("worker",)),
    "dnsguard_build_info": Series("gauge", ("version", "python", "build")),
}


def find(name: str) -> Series:
    """Return the family of a series name as PromQL writes it; KeyError when there is none."""
    if name in SERIES:
        return SERIES[name]
    for suffix in ("_bucket", "_sum", "_count"):
        family = SERIES.get(name.removesuffix(suffix))
        if name.endswith(suffix) and family is not None and family.kind == "histogram":
            extra = ("le",) if suffix == "_bucket" else ()
            return Series("histogram", family.labels + extra)
    raise KeyError(name)
