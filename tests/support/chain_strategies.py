"""Hypothesis strategies for setups and for the answers that meet their rules at some hop."""

import itertools

from hypothesis import strategies as st

from dnsguard.core.view import Stage
from tests.support.chains import Record, Told
from tests.support.generations import Ban, Setup

GROUPS = {"staff": ["10.20.0.0/16"], "visitors": ["10.30.0.0/16"]}
ANSWERS = ["sinkhole", "nxdomain", "refused", "nodata"]
TYPES = ["A", "AAAA", "HTTPS", "HTTPS", "SVCB", "CNAME", "TXT", "DNAME", "ANY"]
NAMES = [".".join(labels) for size in (1, 2, 3) for labels in itertools.product("ab", repeat=size)]
ADDRESSES = {
    "A": ["192.0.2.1", "192.0.2.2", "198.51.100.7", "10.0.0.1", "127.0.0.1", "0.0.0.0"],
    "AAAA": [
        *("2001:db8::1", "2001:db8:1::1", "::", "::1", "fe80::1", "fd00::1"),
        *("::ffff:192.0.2.1", "::ffff:10.0.0.1", "64:ff9b::c000:201", "64:ff9b::a00:1"),
        *("2002:c000:201::1", "2002:a00:1::1"),
    ],
}
NETWORKS = [
    *("192.0.2.1", "192.0.2.0/31", "192.0.2.0/24", "198.51.100.0/22", "10.0.0.0/8"),
    *("2001:db8::/32", "2001:db8::1", "64:ff9b::/96", "fe80::/10"),
]
names = st.sampled_from(NAMES)
listed = st.sampled_from([name for name in NAMES if "." in name])
rules = st.builds(
    lambda form, name: form.format(name), st.sampled_from(["{}", "={}", "*.{}.*"]), listed
)
entries = st.lists(
    st.builds(
        lambda mark, entry: mark + entry,
        st.sampled_from(["", "", "", "@@", "!!", "@@!!"]),
        rules | st.builds(".{}".format, listed) | st.sampled_from(NETWORKS),
    ),
    min_size=1,
    max_size=4,
)
bans = st.builds(
    Ban,
    groups=st.sampled_from([None, None, ["staff"], ["visitors"]]),
    lists=st.sampled_from([None, None, ["one"], ["two"]]),
    block=st.lists(rules, max_size=1),
    allow=st.lists(rules, max_size=2),
    stage=st.sampled_from([Stage.ENFORCE, Stage.ENFORCE, Stage.SHADOW, Stage.OFF]),
    answer=st.sampled_from(ANSWERS),
)


def setups() -> st.SearchStrategy[Setup]:
    """Setups of two groups, two lists and a few policies."""
    return st.builds(
        Setup,
        groups=st.just(GROUPS),
        lists=st.fixed_dictionaries({"one": entries, "two": entries}),
        policies=st.dictionaries(
            st.sampled_from(["first", "second", "third"]), bans, min_size=1, max_size=3
        ),
        off_switches=st.dictionaries(listed, st.sampled_from(["nxdomain", "nodata"]), max_size=1),
        never_block=st.lists(listed, max_size=1),
        dnsbl_zones=st.lists(listed, max_size=1),
        rebinding=st.sampled_from([False, False, True]),
        rebinding_allow=st.lists(names, max_size=1),
        forward_zones=st.dictionaries(names, st.just(["udp://192.0.2.54:53"]), max_size=1),
        serve_stale=st.just(3600),
    )


@st.composite
def answers(draw: st.DrawFn) -> Told:
    """Chains of up to 18 aliases and what stands at their end, in any order, case and company."""
    rdatatype = draw(st.sampled_from(TYPES))
    qname = name = draw(st.just("www.example") | names)
    records: list[Record] = []
    length = draw(st.integers(0, 3) | st.integers(0, 4) | st.integers(0, 18))
    looping = draw(st.sampled_from([False] * 9 + [True]))
    for number in range(length):
        target = draw(names)
        known = {qname, name, *(record.name for record in records)}
        if number < length - 3 or (target in known and not looping):
            target = f"hop{number}.example"
        first, _, above = name.partition(".")
        redirected = [record.owner for record in records if record.rdatatype == "DNAME"]
        if above and above not in redirected and draw(st.integers(0, 4)) == 0:
            records.append(Record(above, "DNAME", f"{target}."))
            target = f"{first}.{target}"
        records.append(Record(name, "CNAME", f"{target}."))
        if target in known:
            break
        name = target
    records += draw(st.lists(_final(name, rdatatype), max_size=3))
    anywhere = st.sampled_from(["odd.example", *(record.owner for record in records)])
    odd = st.tuples(anywhere, st.sampled_from(["A", "AAAA", "TXT", "HTTPS"]))
    records += draw(st.lists(odd.flatmap(lambda at: _final(*at)), max_size=2))
    written = [draw(_letter_case(record)) for record in dict.fromkeys(records)]
    return Told(qname, rdatatype, draw(st.permutations(written)))


def _letter_case(record: Record) -> st.SearchStrategy[Record]:
    """A record as it is or in upper case."""
    if record.rdatatype in ("CNAME", "DNAME"):
        upper = Record(record.owner.upper(), record.rdatatype, record.rdata.upper())
    else:
        upper = Record(record.owner.upper(), record.rdatatype, record.rdata)
    return st.sampled_from([record, upper])


def _final(owner: str, rdatatype: str) -> st.SearchStrategy[Record]:
    """Records of a type at a name."""
    if rdatatype in ADDRESSES:
        return st.builds(
            Record, st.just(owner), st.just(rdatatype), st.sampled_from(ADDRESSES[rdatatype])
        )
    if rdatatype in ("HTTPS", "SVCB"):
        return st.builds(Record, st.just(owner), st.just(rdatatype), _bindings())
    if rdatatype == "ANY":
        return st.sampled_from(["A", "AAAA", "HTTPS", "TXT"]).flatmap(lambda t: _final(owner, t))
    return st.builds(Record, st.just(owner), st.just("TXT"), st.sampled_from(['"a"', '"b"']))


def _bindings() -> st.SearchStrategy[str]:
    """The data of service bindings: aliases, and services with hints or without."""
    targets = st.just(".") | st.builds("{}.".format, names)
    params = st.builds(
        lambda four, six: "".join(
            f" {key}={','.join(hints)}"
            for key, hints in (("ipv4hint", four), ("ipv6hint", six))
            if hints
        ),
        st.lists(st.sampled_from(ADDRESSES["A"]), max_size=2, unique=True),
        st.lists(st.sampled_from(ADDRESSES["AAAA"]), max_size=2, unique=True),
    )
    services = st.builds("1 {} alpn=h2{}".format, targets, params)
    return st.builds("0 {}".format, targets) | services
