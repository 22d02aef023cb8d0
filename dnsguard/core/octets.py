"""The tight loops over octets: the plain body here, the C body of the same name in octets.pxd.

Compiled modules cimport this one, so there `into` and `data` are pointers and nothing checks
a bound: whoever calls has checked the lengths.
"""


def blank(size: int) -> bytearray:
    """Return that many octets to write into: in C a bytes object that nobody else has yet."""
    return bytearray(size)


def whole(written: bytearray) -> bytes:
    """Return what was written into `blank`, which is not to be written to any more."""
    return bytes(written)


def cut(data: bytes, start: int, end: int) -> bytes:
    """Return `data[start:end]`."""
    return data[start:end]


def get16(data: bytes | bytearray, at: int) -> int:
    """Return the 16-bit number at an offset."""
    return data[at] << 8 | data[at + 1]


def get32(data: bytes | bytearray, at: int) -> int:
    """Return the 32-bit number at an offset."""
    return int.from_bytes(data[at : at + 4], "big")


def put16(into: bytearray, at: int, value: int) -> None:
    """Write a 16-bit number at an offset."""
    into[at] = value >> 8 & 0xFF
    into[at + 1] = value & 0xFF


def put32(into: bytearray, at: int, value: int) -> None:
    """Write a 32-bit number at an offset."""
    into[at : at + 4] = value.to_bytes(4, "big")


def copy(into: bytearray, at: int, data: bytes, start: int, end: int) -> None:
    """Copy `data[start:end]` to an offset."""
    into[at : at + end - start] = data[start:end]


def question_key(data: bytes, start: int, end: int, variant: int) -> bytes:
    """Return the question at `data[start:end]`, its name in lower case, with one octet more."""
    return b"%b%b%c" % (data[start : end - 4].lower(), data[end - 4 : end], variant)
