"""Hypothesis strategies for what the network sends."""

import struct

from hypothesis import strategies as st

from dnsguard.core.names import from_text

LABEL = st.binary(min_size=1, max_size=63)
QUESTION = from_text("www.tiktok.com") + b"\x00\x01\x00\x01"
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


def option(code: int, data: bytes) -> bytes:
    """Compose an EDNS option."""
    return struct.pack("!HH", code, len(data)) + data


def with_options(options: bytes, question: bytes = QUESTION, payload: int = 1232) -> bytes:
    """Compose a query with an OPT record of these options; without a question its count is 0."""
    header = struct.pack("!HHHHHH", 0x1234, 0x0100, len(question) > 0, 0, 0, 1)
    return header + question + struct.pack("!BHHIH", 0, 41, payload, 0, len(options)) + options


def options() -> st.SearchStrategy[bytes]:
    """Options as clients send them, and such as nobody should."""
    known = st.sampled_from(
        [
            *(option(10, bytes(size)) for size in (8, 24, 24, 40, 7, 12, 41)),
            *(option(11, b""), option(11, b"\0\x64"), option(12, b""), option(12, bytes(200))),
            *(option(8, b"\0\1\0\0"), option(8, b"\0\1\x18\0\xc0\0\2"), option(8, b"\0\1\x21\0")),
            option(3, b""),
        ]
    )
    unknown = st.builds(option, st.integers(16, 65_535), st.binary(max_size=40))
    anything = st.builds(option, st.integers(0, 16), st.binary(max_size=45))
    several = st.lists(st.one_of(known, known, unknown, anything), max_size=6).map(b"".join)
    return st.one_of(several, several.flatmap(mutations_or_none), st.binary(max_size=60))


def mutations_or_none(original: bytes) -> st.SearchStrategy[bytes]:
    """As `mutations`, of nothing as well."""
    return mutations(original) if original else st.just(b"")


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
    optional = st.builds(
        with_options, options(), st.sampled_from([QUESTION, QUESTION, b""]), st.integers(0, 65_535)
    )
    return st.one_of(st.binary(max_size=600), behind, questions, optional, mutations(good + opt))


def _apply(original: bytes, changes: dict[int, int]) -> bytes:
    changed = bytearray(original)
    for position, octet in changes.items():
        changed[position] = octet
    return bytes(changed)
