"""What is fetched with lists or kept on disk: signatures, compressed data, records, the config.

The first octet chooses which of these the rest is.
"""

import gzip
import hashlib
import json
import lzma
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dnsguard.control.state import StateDirectory
from dnsguard.lists.compression import compress, decompress
from dnsguard.lists.errors import Refused
from dnsguard.lists.records import (
    Hold,
    LastResult,
    ListGeneration,
    ListRecord,
    compose_record,
    parse_record,
)
from dnsguard.lists.signature import PublicKey, parse_public_key, timestamp, verify
from tests.fuzz.reader import Reader

_MAX_SIZE = 1 << 16
_TEXT = b"a.example\n"
_ID = b"12345678"
_PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(32))
_KEY = PublicKey(_ID, _PRIVATE.public_key().public_bytes_raw())


def run(data: bytes) -> None:
    """Have it read; what is no good is refused with a reason, or is as if it were not there."""
    reader = Reader(data)
    reader.choose(_KINDS)(reader.rest())


def _decompress(data: bytes) -> None:
    try:
        text = decompress(data, _MAX_SIZE)
    except Refused as refused:
        _check_refused(refused, "size", "compression", "truncated")
    else:
        assert len(text) <= _MAX_SIZE
    assert decompress(b"".join(compress(data)), len(data)) == data


def _verify(data: bytes) -> None:
    try:
        comment = verify(_KEY, _TEXT, data)
    except Refused as refused:
        _check_refused(refused, "signature")
    else:
        timestamp(comment)


def _read_key(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    try:
        key = parse_public_key(text)
    except ValueError as error:
        _check_reason(str(error))
    else:
        assert (len(key.key_id), len(key.key)) == (8, 32)
        timestamp(text)


def _read_record(data: bytes) -> None:
    try:
        record = parse_record(data)
    except ValueError:
        return
    assert parse_record(compose_record(record)) == record
    numbers = [generation.number for generation in record.generations]
    assert numbers == sorted(numbers, reverse=True)
    assert not numbers or record.current is not None
    for text in (record.last.message if record.last else "", *record.validators):
        assert text.isprintable()


def _read_config(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "accepted-config.json").write_bytes(data)
        kept = StateDirectory(Path(folder)).last_config()
    if kept is not None:
        sources, accepted = kept
        assert isinstance(accepted, float)
        assert isinstance(sources, tuple)


def _check_refused(refused: Refused, *reasons: str) -> None:
    assert refused.reason in reasons
    _check_reason(str(refused))


def _check_reason(reason: str) -> None:
    assert reason.isprintable()
    assert len(reason) < 300


_KINDS: tuple[Callable[[bytes], None], ...] = (
    *(_decompress, _verify, _read_key, _read_record, _read_config),
)


def seeds() -> Iterator[bytes]:
    """One of each that is right."""
    for text in (b"", _TEXT, Random(8).randbytes(100), bytes(2 * _MAX_SIZE)):
        yield b"\0" + gzip.compress(text, mtime=0)
        yield b"\0" + lzma.compress(text)
        yield b"\0" + zstandard.compress(text)
        yield b"\0" + text[:1000]
    yield b"\1" + _signature(b"timestamp:1700000000")
    yield b"\2RW" + b64encode(b"Ed" + _ID + _KEY.key)
    yield b"\2untrusted comment: x\n" + b64encode(b"Ed" + _ID + _KEY.key)
    yield b"\3" + compose_record(_record())
    kept = {"accepted": 1.5, "sources": [{"path": "/etc/dnsguard.yaml", "text": "groups: {}"}]}
    yield b"\4" + json.dumps(kept).encode()


def _signature(comment: bytes) -> bytes:
    own = _PRIVATE.sign(hashlib.blake2b(_TEXT).digest())
    lines = [
        *(b"untrusted comment: x", b64encode(b"ED" + _ID + own)),
        *(b"trusted comment: " + comment, b64encode(_PRIVATE.sign(own + comment))),
    ]
    return b"\n".join(lines)


def _record() -> ListRecord:
    generations = [
        ListGeneration(
            number=number,
            source="https://a.example/list",
            accepted=1.5,
            format="domains",
            names=3,
            addresses=0,
            dropped={"safety": 1},
            added=None,
            removed=None,
        )
        for number in (2, 1)
    ]
    return ListRecord(
        tuple(generations),
        last_number=2,
        hold=Hold(1, 2.0, "uid 0", "a test"),
        confirmed=2.5,
        validators={"https://a.example/list": ('"etag"', None)},
        last=LastResult(3.0, "refused", "html", "an HTML page", "https://a.example/list"),
    )
