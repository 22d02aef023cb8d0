import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnsguard.core.generation import Generation
from dnsguard.core.names import from_text
from dnsguard.core.policy import MAX_CLIENTS, MAX_SIGNATURES, PASS, Policy
from dnsguard.core.view import Role, Stage, Trigger, Verdict, View
from tests.support.gateway import packed
from tests.support.generations import Ban, Setup, generation
from tests.support.reference import Decision, decide
from tests.support.strategies import simple_names


def view_of(policy: Policy, group: str) -> View:
    return next(view for view in policy.views if view.group == group)


def verdict_on(built: Generation, name: str, group: str = "staff") -> Verdict:
    policy = built.policy
    return policy.verdict(view_of(policy, group), policy.signature(from_text(name)))


def decision(built: Generation, name: str, group: str = "staff") -> Decision:
    verdict = verdict_on(built, name, group)
    return Decision(
        verdict.policy,
        built.policy.lists[verdict.list_id].name if verdict.blocks else "",
        verdict.shadow.policy if verdict.shadow else "",
    )


ENTRIES = st.lists(
    st.builds(
        lambda form, name: form.format(name),
        st.sampled_from(["{}", "*.{}", "={}", "*.{}.*"]),
        simple_names(3),
    ),
    max_size=3,
)
LIST_ENTRIES = st.lists(
    st.builds(
        lambda mark, form, name, answer: mark + form.format(name) + answer,
        st.sampled_from(["", "", "@@", "!!", "@@!!"]),
        st.sampled_from(["{}", "={}", ".{}", "*.{}.*"]),
        simple_names(3),
        st.sampled_from(["", " nodata"]),
    ),
    max_size=5,
)
BANS = st.builds(
    Ban,
    groups=st.sampled_from([None, ["staff"], ["visitors"]]),
    lists=st.sampled_from([None, [], ["one"], ["two", "one"]]),
    block=ENTRIES,
    allow=ENTRIES,
    stage=st.sampled_from(Stage),
    off_switches=st.booleans(),
)
SETUPS = st.builds(
    Setup,
    groups=st.just({"staff": ["10.20.0.0/16"], "visitors": ["10.30.0.0/16"]}),
    lists=st.fixed_dictionaries({"one": LIST_ENTRIES, "two": LIST_ENTRIES}),
    policies=st.fixed_dictionaries({"first": BANS, "second": BANS}),
    off_switches=st.sampled_from([{}, {"=a.b": "nxdomain", "c": "nodata"}]),
    never_block=st.sampled_from([[], ["b.c"]]),
    dnsbl_zones=st.sampled_from([[], ["a"]]),
)


@settings(max_examples=300)
@given(SETUPS, st.lists(simple_names(), min_size=1, max_size=5))
def test_verdicts_are_those_of_the_design(setup: Setup, asked: list[str]) -> None:
    built = setup.generation()
    for name, group in itertools.product(asked, ["staff", "visitors"]):
        assert decision(built, name, group) == decide(setup, group, name), (name, group)


@pytest.mark.parametrize(
    ("name", "blocked"),
    [
        ("tiktok.com", True),
        ("www.tiktok.com", True),
        ("support.tiktok.com", False),
        ("a.support.tiktok.com", False),
        ("bad.support.tiktok.com", True),
        ("tie.tiktok.com", False),
        ("www.tie.tiktok.com", False),
        ("tiktok.com.edgekey.net", True),
        ("tiktok.com.multi.surbl.org", False),
        ("nottiktok.com", False),
        ("com", False),
    ],
)
def test_the_most_specific_rule_decides_and_allow_wins_a_tie(name: str, blocked: bool) -> None:
    ban = Ban(
        block=["bad.support.tiktok.com", "tie.tiktok.com"],
        allow=["support.tiktok.com", "tie.tiktok.com"],
    )
    assert verdict_on(generation(policies={"ban": ban}), name).blocks is blocked


def test_an_allow_ends_its_own_policy_only() -> None:
    built = generation(
        policies={"first": Ban(allow=["www.tiktok.com"]), "second": Ban(answer="nxdomain")}
    )
    assert decision(built, "www.tiktok.com") == Decision("second", "tiktok")
    assert decision(built, "tiktok.com") == Decision("first", "tiktok")


def test_a_shadow_policy_notes_and_lets_pass() -> None:
    built = generation(policies={"trial": Ban(stage=Stage.SHADOW)})
    assert decision(built, "tiktok.com") == Decision(shadow="trial")
    built = generation(
        policies={"trial": Ban(stage=Stage.SHADOW), "late": Ban(stage=Stage.SHADOW), "ban": Ban()}
    )
    assert decision(built, "tiktok.com") == Decision("ban", "tiktok", "trial")


@pytest.mark.parametrize("stage", [Stage.OFF, Stage.SHADOW])
def test_off_switches_need_an_enforced_policy(stage: Stage) -> None:
    name = "use-application-dns.net"
    assert decision(generation(), name) == Decision("ban", "off-switches-nxdomain")
    assert decision(generation(policies={"ban": Ban(stage=stage)}), name) == Decision()
    assert decision(generation(policies={"ban": Ban(off_switches=False)}), name) == Decision()
    assert decision(generation(), "www." + name) == Decision()
    assert decision(generation(), name, "unregistered") == Decision()


def test_off_switches_come_before_never_block_and_never_block_before_policies() -> None:
    built = generation(never_block=["icloud.com", "tiktok.com"])
    assert decision(built, "mask.icloud.com") == Decision("ban", "off-switches-nodata")
    assert decision(built, "www.tiktok.com") == Decision()


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("10.20.0.1", "staff"),
        ("10.20.9.1", "exempt"),
        ("10.20.9.9", "staff"),
        ("::ffff:10.20.0.1", "staff"),
        ("2001:db8:20::1", "staff"),
        ("10.30.0.1", "unregistered"),
        ("2001:db8:30::1", "unregistered"),
        ("203.0.113.1", "strangers"),
        ("::ffff:203.0.113.1", "strangers"),
    ],
)
def test_the_longest_prefix_is_the_group(address: str, group: str) -> None:
    groups = {
        "staff": ["10.20.0.0/16", "10.20.9.9/32", "2001:db8:20::/48"],
        "exempt": ["10.20.9.0/24"],
    }
    policy = generation(groups=groups).policy
    for _ in range(2):  # found, then remembered
        assert policy.view(packed(address)).group == group


def test_spoofed_addresses_do_not_grow_the_memory_of_clients() -> None:
    policy = generation(allow_clients=["0.0.0.0/0"]).policy
    for number in range(MAX_CLIENTS + 10):
        policy.view(number.to_bytes(4, "big"))
    assert policy.view(packed("10.20.0.1")).group == "staff"


def test_a_signature_is_judged_once() -> None:
    built = generation()
    assert verdict_on(built, "www.tiktok.com") is verdict_on(built, "api.tiktok.com")
    assert built.policy.signature(from_text("example.org")) == PASS


def test_too_many_signatures_begin_a_new_epoch() -> None:
    built = generation()
    policy = built.policy
    first = policy.epoch
    for number in range(MAX_SIGNATURES):
        policy.intern(((Trigger.ADDRESS, ((number, 0),)),))
    assert policy.epoch > first
    assert decision(built, "www.tiktok.com") == Decision("ban", "tiktok")
    assert decision(built, "example.org") == Decision()


def test_every_policy_has_an_epoch_of_its_own() -> None:
    assert generation().policy.epoch != generation().policy.epoch


def hops(built: Generation, *hops: tuple[Trigger, list[str]]) -> Verdict:
    """Return the verdict on an answer whose hops match these lists, one label apart."""
    numbers = {known.name: number for number, known in enumerate(built.policy.lists)}
    signature = tuple(
        (trigger, tuple((rank, numbers[name]) for rank, name in enumerate(lists)))
        for trigger, lists in hops
    )
    return built.policy.verdict(view_of(built.policy, "staff"), built.policy.intern(signature))


def test_a_later_hop_blocks_with_its_trigger() -> None:
    verdict = hops(generation(), (Trigger.CNAME, ["tiktok"]))
    assert (verdict.policy, verdict.trigger) == ("ban", Trigger.CNAME)


def test_an_allow_on_a_later_hop_frees_that_hop_only() -> None:
    built = generation()
    freed = (Trigger.CNAME, ["ban:allow", "tiktok"])
    assert not hops(built, freed).blocks
    assert hops(built, freed, (Trigger.TARGET, ["tiktok"])).trigger == Trigger.TARGET
    whole = (Trigger.NAME, ["ban:allow"])
    assert not hops(built, whole, (Trigger.TARGET, ["tiktok"])).blocks


def test_off_switches_and_never_block_of_a_later_hop() -> None:
    built = generation(never_block=["example.org"])
    assert not hops(built, (Trigger.CNAME, ["off-switches-nxdomain"])).blocks
    assert not hops(built, (Trigger.CNAME, ["never_block", "tiktok"])).blocks
    blocked = hops(built, (Trigger.CNAME, ["never_block"]), (Trigger.CNAME, ["tiktok"]))
    assert blocked.policy == "ban"


def test_matches_leave_out_the_embedded_rules_of_exempt_zones() -> None:
    policy = generation(lists={"tiktok": ["*.tiktok.com.*", "surbl.org"]}).policy
    found = policy.matches(from_text("tiktok.com.multi.surbl.org"))
    assert [policy.lists[match.list_id].name for match in found] == ["tiktok"]
    assert Role.NO_EMBEDDED not in {policy.lists[match.list_id].role for match in found}
