"""Where a question goes: what a route and an attempt say before anything came of them."""

from dnsguard.core.response import TtlBounds
from dnsguard.core.route import Attempt, Route
from tests.support.retries import retry, taken

FOR_THE_SHELL = ("carrier", "receiver", "reported", "sent")


def test_a_route_trusts_nobody_and_knows_nothing_until_told() -> None:
    route = Route((3, 1), TtlBounds())
    assert route.upstreams == (3, 1)
    assert (route.tcp_only, route.trusted) == (frozenset(), frozenset())
    assert (route.all_down, route.patience) == (False, 0.0)


def test_an_attempt_begins_the_same_by_whomever_it_is_made() -> None:
    made = taken(retry(2))
    bare = Attempt(2, made.message, tcp=False)
    begun = ("upstream", "message", "tcp", "trusted", "doubted", "failed", "given_up", "earlier")
    for field in (*begun, "patience", "reported", "receiver", "carrier"):
        assert getattr(bare, field) == getattr(made, field), field
    assert bare.sent == 0.0


def test_what_is_the_shell_s_to_set_it_can_set() -> None:
    attempt = Attempt(0, b"message", tcp=True)
    for field, value in zip(FOR_THE_SHELL, (object(), object(), True, 4.0), strict=True):
        setattr(attempt, field, value)
        assert getattr(attempt, field) == value, field
