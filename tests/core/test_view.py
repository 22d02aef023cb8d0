from dnsguard.core import counters
from dnsguard.core.answer import MAX_TTL
from dnsguard.core.view import Trigger, Verdict, View


def test_triggers_are_counted_in_their_order() -> None:
    assert tuple(trigger.name.lower() for trigger in Trigger) == counters.TRIGGERS


def test_names_come_before_addresses() -> None:
    # An address is what comes from ADDRESS on.
    assert sorted(Trigger) == [
        *(Trigger.NAME, Trigger.CNAME, Trigger.TARGET),
        *(Trigger.ADDRESS, Trigger.HINT),
    ]


def test_a_verdict_without_a_policy_passes() -> None:
    assert not Verdict().blocks
    assert not Verdict(shadow=Verdict(policy="trial")).blocks
    assert Verdict(policy="ban").blocks


def test_a_view_by_default_leaves_answers_as_they_are() -> None:
    view = View("unregistered")
    assert (view.ceiling, view.strips_ech, view.rebinding, view.refused) == (
        *(MAX_TTL, False, -1, False),
    )
