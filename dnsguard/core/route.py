"""Where a question goes: the upstreams it may ask, and one message to one of them.

Data alone: `core.retry` decides what is asked when, the shells carry it there.
"""

from typing import Any

from dnsguard.core.response import TtlBounds


class Route:
    """The upstreams for a question by number, in order of preference: healthy ones first.

    `patience` is after how many seconds the first of them is late, 0 where that is not known.
    """

    __slots__ = ("all_down", "bounds", "patience", "tcp_only", "trusted", "upstreams")

    def __init__(
        self,
        upstreams: tuple[int, ...],
        bounds: TtlBounds,
        *,
        tcp_only: frozenset[int] = frozenset(),
        trusted: frozenset[int] = frozenset(),
        all_down: bool = False,
        patience: float = 0.0,
    ) -> None:
        self.upstreams = upstreams
        self.bounds = bounds
        self.tcp_only = tcp_only
        self.trusted = trusted
        self.all_down = all_down
        self.patience = patience


class Attempt:
    """One message to one upstream; `timeout` is when to ask `next`, not when to stop listening.

    `patience` is when its upstream is later than usual: another may be asked then, if that is
    not done too often; 0 where there is no other or nothing is known. It is `doubted` when what
    came for it may be forged, and TCP is asked. `sent` and `reported` (its silence) are for the
    shell to set, and so are `receiver`, to whom a response is handed, and `carrier`, what the
    message went out on while that is open.
    """

    __slots__ = (
        "carrier",
        "doubted",
        "earlier",
        "edns",
        "failed",
        "given_up",
        "message",
        "patience",
        "query_id",
        "question",
        "receiver",
        "reported",
        "sent",
        "tcp",
        "timeout",
        "trusted",
        "upstream",
    )

    def __init__(self, upstream: int, message: bytes, *, tcp: bool) -> None:
        self.upstream = upstream
        self.message = message
        self.tcp = tcp
        self.trusted = False
        self.edns = False
        self.query_id = 0
        self.question = b""
        self.timeout = 0.0
        self.patience = 0.0
        self.sent = 0.0
        self.reported = False
        self.doubted = False
        self.failed = False
        self.given_up = False
        self.earlier: Attempt | None = None
        self.receiver: Any = None
        self.carrier: Any = None
