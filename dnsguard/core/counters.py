"""Where each counter stands in a worker's page of 64-bit integers.

The fixed ones come first; the control plane hands out ranges behind them for what the config
names (groups, policies and lists, upstreams) and never takes a range back, so counters go on
across reloads. Shells and core add to plain integers; the control plane reads them.
"""

from array import array
from collections.abc import MutableSequence

from dnsguard.core.protocol import Rdatatype, Source, Transport

Page = MutableSequence[int]
"""In the compiled build a buffer of 64-bit unsigned integers, such as `array('Q')`."""

# Responses by source and rcode; rcodes past the last column share it.
RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "other")
RESPONSES = 0

# Upper bounds of the histograms' buckets in microseconds; the last bucket has none.
BUCKETS = (
    *(50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000),
    *(500_000, 1_000_000, 2_500_000, 5_000_000),
)
HISTOGRAM_SIZE = len(BUCKETS) + 2  # the buckets, the one without bound, and the sum in µs

RESPONSE_SECONDS = RESPONSES + len(Source) * len(RCODES)

LIMITS = (
    "pending_per_client",
    "pending",
    "tcp_per_client",
    "tcp_connections",
    "tcp_idle",
    "pending_per_zone",
    "late",
    "amplification",
    "tcp_octets",
    "pending_per_upstream",
)
LIMITED = RESPONSE_SECONDS + len(Source) * HISTOGRAM_SIZE

CACHE_ENTRIES = LIMITED + len(LIMITS)
CACHE_BYTES = CACHE_ENTRIES + 1
PENDING = CACHE_BYTES + 1
INTERNAL_ERRORS = PENDING + 1
LOG_DROPPED = INTERNAL_ERRORS + 1
BEATS = LOG_DROPPED + 1  # one a second, while the worker's event loop turns

FIRST_FREE = BEATS + 1

# The range of one group: its queries by transport, and what looks like a way round the ban.
SIGNALS = ("tunnel",)
GROUP_SIGNALS = len(Transport)
GROUP_SIZE = GROUP_SIGNALS + len(SIGNALS)

# The range of one (group, policy, list): its hits by trigger and qtype.
QTYPES = ("A", "AAAA", "HTTPS", "SVCB", "other")
TRIGGERS = ("name", "cname", "target", "address", "hint")
HITS_SIZE = len(TRIGGERS) * len(QTYPES)

# The range of one upstream: its errors by reason, its state, and its latency.
UPSTREAM_ERRORS = (
    "timeout",
    "network",
    "malformed",
    "mismatch",
    "servfail",
    "refused",
    "other_rcode",
    "truncated",
    "late",
    "loop",
)
UPSTREAM_STATE = len(UPSTREAM_ERRORS)
UP, DOWN, LOOPING = 1, 2, 3  # 0 while nobody has asked it
UPSTREAM_SECONDS = UPSTREAM_STATE + 1
UPSTREAM_SIZE = UPSTREAM_SECONDS + HISTOGRAM_SIZE

PAGE_SIZE = 1 << 20  # counters a page has room for: what is not touched takes no memory

_A = int(Rdatatype.A)  # counters.pxd types what is defined here, not what is imported
_AAAA = int(Rdatatype.AAAA)
_HTTPS = int(Rdatatype.HTTPS)
_SVCB = int(Rdatatype.SVCB)
_RESPONSES = RESPONSES
_LAST_BUCKET = len(BUCKETS)
_bounds = array("Q", BUCKETS)
_QTYPES = len(QTYPES)
_RCODES = len(RCODES)
_HISTOGRAM_SIZE = HISTOGRAM_SIZE


def limit_index(limit: str) -> int:
    """Return the index of the counter of what a limit refused."""
    return LIMITED + LIMITS.index(limit)


def hit_offset(trigger: int, qtype: int) -> int:
    """Return the offset of a hit within its range."""
    if qtype == _A:
        column = 0
    elif qtype == _AAAA:
        column = 1
    elif qtype == _HTTPS:
        column = 2
    elif qtype == _SVCB:
        column = 3
    else:
        column = 4
    return trigger * _QTYPES + column


def response_index(source: int, rcode: int) -> int:
    """Return the index of the counter of a response."""
    return _RESPONSES + source * _RCODES + min(rcode, _RCODES - 1)


def observe(page: Page, histogram: int, seconds: float, times: int = 1) -> None:
    """Add equal observations to the histogram that starts at an index of the page."""
    microseconds = max(0, int(seconds * 1e6))
    bucket = 0
    while bucket < _LAST_BUCKET and microseconds > _bounds[bucket]:
        bucket += 1
    page[histogram + bucket] += times
    page[histogram + _HISTOGRAM_SIZE - 1] += microseconds * times
