"""Lists in a strange shape: NUL octets, endless lines, other charsets, bombs; each bounded.

What servers and those before them do to a fetch is in the tests elsewhere that the row names.
"""

import gzip
import lzma

import pytest
import zstandard

from dnsguard.lists.errors import Refused
from dnsguard.lists.versions import examine

MIB = 1 << 20
NAMES = [f"name{number}.listed.example" for number in range(300)]
LIST = "".join(f"{name}\n" for name in NAMES).encode()
MAX_SIZE = 16 * MIB
SHOWN = 500  # characters of a message

UNUSABLE = {
    "UTF-16": ("".join(f"{name}\n" for name in NAMES).encode("utf-16"), "bad-lines"),
    "UTF-32": ("".join(f"{name}\n" for name in NAMES).encode("utf-32"), "bad-lines"),
    "EBCDIC": (LIST.decode().encode("cp500"), "bad-lines"),
    "NUL octets at the end": (LIST + bytes(4096), "truncated"),
    "NUL octets alone": (bytes(MIB), "truncated"),
    "line ends of the 1980s": (LIST.replace(b"\n", b"\r"), "bad-lines"),
    "one line of 10 MiB": (b"a" * (10 * MIB), "bad-lines"),
    "one line of 10 MiB of names": (b"x.example " * MIB, "bad-lines"),
    "a page": (b"\xef\xbb\xbf\n <!DOCTYPE HTML><html>sign in</html>" + LIST, "html"),
    "a bomb of gzip": (gzip.compress(bytes(64 * MIB)), "size"),
    "a bomb of xz": (lzma.compress(bytes(64 * MIB)), "size"),
    "a bomb of zstd": (zstandard.compress(bytes(64 * MIB)), "size"),
    "too large": (b"0.0.0.0 x.example\n" * MIB, "size"),
}


@pytest.mark.parametrize("shape", UNUSABLE)
def test_what_is_no_list_is_refused_in_few_words(shape: str) -> None:
    data, reason = UNUSABLE[shape]
    with pytest.raises(Refused) as caught:
        examine(data, max_size=MAX_SIZE)
    message = str(caught.value)
    assert caught.value.reason == reason, message
    assert len(message) < SHOWN
    assert message.isprintable()


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + LIST,
        LIST.replace(b"\n", b"\r\n"),
        LIST.replace(b"\n", b"  \t\r\n\r\n"),
        LIST[:-1],
        "# liste à jour\n".encode("latin-1") + LIST,
        LIST + b"x\0y.example\n",
        LIST + b"a" * MIB + b"\n",
        LIST + b"\x1a",
        gzip.compress(LIST),
        lzma.compress(LIST),
        zstandard.compress(LIST),
    ],
    ids=[
        *("byte order mark", "CRLF", "blank lines", "no line end", "Latin-1 comment"),
        *("a NUL octet", "a line of 1 MiB", "a DOS end", "gzip", "xz", "zstd"),
    ],
)
def test_what_is_only_written_otherwise_is_read(data: bytes) -> None:
    found = examine(data, max_size=MAX_SIZE)
    assert found.name_count == len(NAMES)
    assert sum(found.dropped.values()) <= 1
    assert all(len(note) < SHOWN and note.isprintable() for note in found.notes)
