"""Hypothesis strategies for what the network sends."""

from hypothesis import strategies as st

from dnsguard.core.names import from_text

LABEL = st.binary(min_size=1, max_size=63)
SHORT_LABEL = st.sampled_from([b"a", b"b", b"c", b"A", b"\xff", b"\x00", b"a.b"])


def wire_names(label: st.SearchStrategy[bytes] = LABEL) -> st.SearchStrategy[bytes]:
    """Well-formed wire names of any octets, most of them short."""
    return (
        st.lists(label, max_size=6)
        .map(lambda labels: b"".join(bytes([len(part)]) + part for part in labels) + b"\x00")
        .filter(lambda name: len(name) <= 255)
    )


def simple_names(max_labels: int = 5) -> st.SearchStrategy[str]:
    """Names of few different labels, so that rules and queries meet."""
    labels = st.lists(st.sampled_from("abc"), min_size=1, max_size=max_labels)
    return labels.map(".".join)


def mutations(original: bytes) -> st.SearchStrategy[bytes]:
    """The message with a few octets changed, and perhaps cut or drawn out."""
    changes = st.dictionaries(
        st.integers(0, len(original) - 1), st.integers(0, 255), min_size=0, max_size=6
    )
    return st.builds(
        lambda changed, cut, tail: _apply(original, changed)[: len(original) - cut] + tail,
        changes,
        st.one_of(st.just(0), st.integers(0, len(original))),
        st.binary(max_size=12),
    )


def queries() -> st.SearchStrategy[bytes]:
    """Any octets, headers with any octets behind, and queries with something changed."""
    good = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01"
    good += from_text("www.tiktok.com") + b"\x00\x01\x00\x01"
    opt = b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x0c\x00\x0a\x00\x08abcdefgh"
    behind = st.builds(
        lambda header, body: header + body, st.binary(min_size=12, max_size=12), st.binary()
    )
    questions = st.builds(
        lambda flags, name, rest: b"\x00\x01" + flags + good[4:10] + b"\x00\x00" + name + rest,
        st.binary(min_size=2, max_size=2),
        wire_names(),
        st.binary(min_size=4, max_size=4),
    )
    return st.one_of(st.binary(max_size=600), behind, questions, mutations(good + opt))


def _apply(original: bytes, changes: dict[int, int]) -> bytes:
    changed = bytearray(original)
    for position, octet in changes.items():
        changed[position] = octet
    return bytes(changed)
