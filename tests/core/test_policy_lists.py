"""What lists with exceptions, important rules and answers of their own do to a policy."""

import itertools

import dns.message
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnsguard.core.answer import compose_response
from dnsguard.core.generation import Generation
from dnsguard.core.names import from_text
from dnsguard.core.policy import Policy
from dnsguard.core.view import Trigger, Verdict, View
from dnsguard.core.wire import parse_query
from tests.support.generations import Ban, Setup, generation
from tests.support.reference import decide


def staff(policy: Policy) -> View:
    return next(view for view in policy.views if view.group == "staff")


def verdict_on(built: Generation, name: str) -> Verdict:
    return built.policy.verdict(staff(built.policy), built.policy.signature(from_text(name)))


def decided(built: Generation, name: str) -> tuple[str, str]:
    """Return the policy and the list that block a name, empty when none does."""
    verdict = verdict_on(built, name)
    return verdict.policy, built.policy.lists[verdict.list_id].name if verdict.blocks else ""


# Two labels, so that rules of every kind meet at every name.
NAMES = [".".join(labels) for size in (1, 2, 3) for labels in itertools.product("ab", repeat=size)]
ENTRIES = st.lists(
    st.builds(
        lambda mark, form, name: mark + form.format(name),
        st.sampled_from(["", "@@", "!!", "@@!!"]),
        st.sampled_from(["{}", "={}", ".{}", "*.{}.*"]),
        st.sampled_from(NAMES),
    ),
    max_size=6,
)


@settings(max_examples=300)
@given(ENTRIES, ENTRIES, st.lists(st.sampled_from(NAMES), max_size=2))
def test_lists_together_decide_as_the_design_says(
    one: list[str], two: list[str], allow: list[str]
) -> None:
    setup = Setup(lists={"one": one, "two": two}, policies={"ban": Ban(allow=allow)})
    built = setup.generation()
    for name in NAMES:
        assert decided(built, name) == decide(setup, "staff", name)[:2], name


@pytest.mark.parametrize(
    ("entries", "name", "blocked"),
    [
        # An exception goes before a block that is as specific, and before one that is less.
        (["a.test", "@@a.test"], "a.test", False),
        (["a.test", "@@b.a.test"], "c.b.a.test", False),
        (["a.test", "@@b.a.test"], "c.a.test", True),
        (["a.test", "@@b.a.test", "c.b.a.test"], "c.b.a.test", True),
        (["*.a.test.*", "@@cdn.test"], "www.a.test.cdn.test", True),
        (["*.a.test.*", "@@a.test.cdn.test"], "www.a.test.cdn.test", False),
        # Importance goes before both.
        (["!!a.test", "@@b.a.test"], "b.a.test", True),
        (["!!a.test", "@@!!b.a.test"], "b.a.test", False),
        (["!!a.test", "@@!!a.test"], "a.test", False),
        (["b.a.test", "@@!!a.test"], "b.a.test", False),
        (["!!b.a.test", "@@!!a.test"], "b.a.test", True),
        (["@@a.test", "!!b.test"], "a.test", False),
        # Everything below a name, not the name itself.
        ([".a.test"], "a.test", False),
        ([".a.test"], "b.a.test", True),
        ([".a.test"], "c.b.a.test", True),
        (["a.test", "@@.a.test"], "a.test", True),
        (["a.test", "@@.a.test"], "b.a.test", False),
        (["@@a.test"], "a.test", False),
    ],
)
def test_within_a_list(entries: list[str], name: str, blocked: bool) -> None:
    assert verdict_on(generation(lists={"one": entries}), name).blocks is blocked


TWO = {"one": ["a.test", "@@!!free.a.test"], "two": ["a.test"]}


def test_an_exception_frees_from_its_own_list_only() -> None:
    alone = generation(lists=TWO, policies={"ban": Ban(lists=["one"])})
    assert decided(alone, "free.a.test") == ("", "")
    both = generation(lists=TWO)
    assert decided(both, "free.a.test") == ("ban", "two")
    assert decided(both, "a.test") == ("ban", "one")
    own = generation(lists=TWO, policies={"ban": Ban(lists=["one"], block=["a.test"])})
    assert decided(own, "free.a.test") == ("ban", "ban:block")


def test_an_exception_leaves_other_policies_alone() -> None:
    policies = {"first": Ban(lists=["one"]), "second": Ban(lists=["two"])}
    assert decided(generation(lists=TWO, policies=policies), "free.a.test") == ("second", "two")


def test_an_exception_of_a_list_the_policy_does_not_name_is_nothing() -> None:
    built = generation(lists=TWO, policies={"ban": Ban(lists=["two"])})
    assert decided(built, "free.a.test") == ("ban", "two")


@pytest.mark.parametrize(
    ("entries", "allow", "name", "blocked"),
    [
        (["a.test"], "a.test", "www.a.test", False),
        (["!!a.test"], "a.test", "a.test", False),
        (["!!b.a.test"], "a.test", "b.a.test", True),
        (["a.test"], "b.a.test", "c.b.a.test", False),
        (["c.b.a.test", "@@a.test"], "b.a.test", "c.b.a.test", True),
        ([".a.test"], "a.test", "b.a.test", False),
        (["=b.a.test"], "a.test", "b.a.test", True),
    ],
)
def test_an_allow_of_the_policy_goes_by_length_alone(
    entries: list[str], allow: str, name: str, blocked: bool
) -> None:
    built = generation(lists={"one": entries}, policies={"ban": Ban(allow=[allow])})
    assert verdict_on(built, name).blocks is blocked


def test_an_exception_of_a_list_on_a_later_hop_frees_that_hop_from_that_list() -> None:
    policy = generation(lists={"one": ["a.test", "@@b.a.test"]}).policy

    def hop(trigger: Trigger, name: str) -> tuple[Trigger, tuple[tuple[int, int], ...]]:
        found = policy.matches(from_text(name))
        return trigger, tuple((rank, match.list_id) for rank, match in enumerate(found))

    freed = hop(Trigger.CNAME, "b.a.test")
    assert not policy.verdict(staff(policy), policy.intern((freed,))).blocks
    both = (freed, hop(Trigger.TARGET, "a.test"))
    assert policy.verdict(staff(policy), policy.intern(both)).trigger == Trigger.TARGET


ZONE = {"zone": ["n.test nxdomain", "e.test nodata", "d.test drop", "p.test", "www.n.test nodata"]}


def answered(built: Generation, name: str) -> str:
    """Return how a blocked name is answered, in a word."""
    template = verdict_on(built, name).template
    if template is None:
        return "drop"
    query = parse_query(dns.message.make_query(name, "A").to_wire())
    assert query is not None
    answer = dns.message.from_wire(compose_response(query, template.answer(query), size_limit=512))
    if answer.answer:
        return str(answer.answer[0][0])
    return "nodata" if answer.rcode() == dns.rcode.NOERROR else dns.rcode.to_text(answer.rcode())


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("n.test", "NXDOMAIN"),
        ("e.test", "nodata"),
        ("d.test", "drop"),
        ("p.test", "10.0.0.1"),
        ("www.n.test", "nodata"),
        ("a.www.n.test", "nodata"),
        ("b.n.test", "NXDOMAIN"),
        ("own.test", "10.0.0.1"),
    ],
)
def test_from_list_is_the_answer_of_the_rule_that_decides(name: str, answer: str) -> None:
    ban = Ban(answer="from-list", block=["own.test"])
    setup = Setup(lists=ZONE, policies={"ban": ban}, sinkhole=("10.0.0.1", "::", 30))
    assert answered(setup.generation(), name) == answer
    assert decided(setup.generation(), name)[0] == "ban"


@pytest.mark.parametrize("name", ["n.test", "e.test", "d.test", "p.test"])
def test_any_other_answer_goes_before_the_list_s(name: str) -> None:
    assert answered(generation(lists=ZONE, policies={"ban": Ban(answer="refused")}), name) == (
        "REFUSED"
    )


def test_from_list_of_one_policy_is_not_that_of_another() -> None:
    zones = {"one": ["a.test nodata"], "two": ["b.a.test nxdomain"]}
    policies = {
        "first": Ban(lists=["one"], answer="from-list"),
        "second": Ban(lists=["two"], answer="from-list"),
    }
    assert answered(generation(lists=zones, policies=policies), "b.a.test") == "nodata"
