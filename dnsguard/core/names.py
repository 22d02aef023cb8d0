r"""Domain names: presentation text to wire bytes and back (RFC 1035 section 3.1, 4343).

Everywhere in dnsguard a name is its uncompressed wire form, root label included
(`b"\x07example\x03com\x00"`), in lower case wherever it is a key. Parsing names
out of messages, with their compression pointers, belongs to `wire` and `response`.
"""

ROOT = b"\x00"
MAX_NAME = 255
MAX_LABEL = 63

_ESCAPED = b'".\\()@$;'


def from_text(text: str) -> bytes:
    r"""Return the lower-case wire form of an ASCII presentation name, trailing dot optional.

    Escapes `\.` and `\DDD` are understood (RFC 1035 section 5.1). Raises ValueError
    with a reason that does not repeat the text.
    """
    if text in {"", "."}:
        if text:
            return ROOT
        raise ValueError("the name is empty")
    try:
        source = text.encode("ascii")
    except UnicodeEncodeError:
        raise ValueError("the name is not ASCII") from None
    wire = bytearray()
    label = bytearray()
    position = 0
    while position < len(source):
        byte = source[position]
        position += 1
        if byte == 0x2E:  # a dot ends a label
            _append_label(wire, label)
            continue
        if byte == 0x5C:
            byte, position = _unescape(source, position)
        label.append(byte)
    if label:
        _append_label(wire, label)
    wire.append(0)
    if len(wire) > MAX_NAME:
        raise ValueError(f"the name is longer than {MAX_NAME} octets")
    return bytes(wire).lower()


def to_text(name: bytes) -> str:
    """Return the presentation form of a wire name, without the trailing dot; root is `.`.

    The result is printable ASCII whatever the bytes are, so it is safe in logs and terminals.
    """
    if name == ROOT:
        return "."
    parts = []
    position = 0
    while position < len(name) and name[position]:
        end = position + 1 + name[position]
        parts.append("".join(_escape(byte) for byte in name[position + 1 : end]))
        position = end
    return ".".join(parts)


def label_offsets(name: bytes) -> list[int]:
    """Return the offset of each label of a wire name, leftmost first, root not included."""
    offsets = []
    position = 0
    while position < len(name) and name[position]:
        offsets.append(position)
        position += 1 + name[position]
    return offsets


def is_at_or_below(name: bytes, ancestor: bytes) -> bool:
    """Tell whether `name` equals `ancestor` or is a subdomain of it; both in lower case."""
    if ancestor == ROOT:
        return True
    offset = len(name) - len(ancestor)
    return offset >= 0 and name.endswith(ancestor) and offset in (0, *label_offsets(name))


def suffixes(name: bytes) -> list[bytes]:
    """Return the name and each of its ancestors, longest first, the root last."""
    return [name[offset:] for offset in label_offsets(name)] + [ROOT]


def _append_label(wire: bytearray, label: bytearray) -> None:
    if not label:
        raise ValueError("the name has an empty label")
    if len(label) > MAX_LABEL:
        raise ValueError(f"a label is longer than {MAX_LABEL} octets")
    wire.append(len(label))
    wire += label
    label.clear()


def _unescape(source: bytes, position: int) -> tuple[int, int]:
    digits = source[position : position + 3]
    if len(digits) == 3 and digits.isdigit():
        value = int(digits)
        if value > 0xFF:
            raise ValueError("an escape is larger than \\255")
        return value, position + 3
    if not digits or digits[:1].isdigit():
        raise ValueError("an escape is incomplete")
    return digits[0], position + 1


def _escape(byte: int) -> str:
    if byte in _ESCAPED:
        return "\\" + chr(byte)
    if 0x21 <= byte <= 0x7E:
        return chr(byte)
    return f"\\{byte:03d}"
