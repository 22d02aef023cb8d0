"""Signatures of lists, as minisign makes them (https://jedisct1.github.io/minisign/).

A signature covers the file; a second one, made with the same key, covers the first and the
trusted comment, which is where minisign writes the time.
"""

import binascii
import hashlib
import mmap
import re
from base64 import b64decode
from dataclasses import dataclass
from urllib.parse import urlsplit

from dnsguard.lists.errors import Refused

MAX_SIGNATURE_SIZE = 8192

_LEGACY, _PREHASHED = b"Ed", b"ED"
_PUBLIC_KEY_SIZE = 2 + 8 + 32
_SIGNATURE_SIZE = 2 + 8 + 64
_COMMENT = b"trusted comment: "
_TIMESTAMP = re.compile(r"(?:^|\s)timestamp:([0-9]{1,12})(?:\s|$)")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 key, and the number by which signatures name it."""

    key_id: bytes
    key: bytes


def parse_public_key(text: str) -> PublicKey:
    """Return the key minisign wrote: one line of base64, or the whole two-line file.

    Raises ValueError with a reason that does not repeat the text.
    """
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(lines) == 2 and lines[0].startswith("untrusted comment:"):
        del lines[0]
    data = _from_base64(lines[0].encode()) if len(lines) == 1 else b""
    if len(data) != _PUBLIC_KEY_SIZE or not data.startswith(_LEGACY):
        raise ValueError("not a minisign public key: give the last line of minisign.pub (RW...)")
    return PublicKey(data[2:10], data[10:])


def signature_url(url: str) -> str:
    """Return where the signature of a list is: beside it, with .minisig added to the path."""
    parts = urlsplit(url)
    return parts._replace(path=parts.path + ".minisig").geturl()


def verify(key: PublicKey, data: bytes | mmap.mmap | memoryview, signature: bytes) -> str:
    """Return the trusted comment of a signature file that is of this data and by this key.

    The comment is the publisher's: escape it before printing. Raises Refused("signature").
    """
    if len(signature) > MAX_SIGNATURE_SIZE:
        raise _refused(f"the signature file is larger than {MAX_SIGNATURE_SIZE} octets")
    lines = [line.removesuffix(b"\r") for line in signature.rstrip(b"\r\n").split(b"\n")]
    if len(lines) != 4 or not lines[2].startswith(_COMMENT):
        raise _refused("what should be the signature file is none")
    own = _from_base64(lines[1])
    comment = lines[2].removeprefix(_COMMENT)
    if len(own) != _SIGNATURE_SIZE or own[:2] not in {_LEGACY, _PREHASHED}:
        raise _refused("what should be the signature file is none")
    if own[2:10] != key.key_id:
        raise _refused("the signature is by another key")
    signed = hashlib.blake2b(data).digest() if own[:2] == _PREHASHED else data
    if not _is_signed(key, signed, own[10:]):
        raise _refused("the signature is not of this file")
    if not _is_signed(key, own[10:] + comment, _from_base64(lines[3])):
        raise _refused("the trusted comment of the signature was changed")
    return comment.decode("utf-8", "backslashreplace")


def timestamp(comment: str) -> int | None:
    """Return when a trusted comment says the file was signed, in Unix seconds."""
    found = _TIMESTAMP.search(comment)
    return None if found is None else int(found[1])


def _is_signed(key: PublicKey, data: bytes | mmap.mmap | memoryview, signature: bytes) -> bool:
    # Only lists with a public_key pay for this library.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key.key).verify(signature, memoryview(data))
    except (InvalidSignature, ValueError):
        return False
    return True


def _from_base64(line: bytes) -> bytes:
    try:
        return b64decode(line, validate=True)
    except binascii.Error:
        return b""


def _refused(text: str) -> Refused:
    return Refused("signature", f"{text}: check public_key, and with the publisher that it is so")
