"""Signatures: those of the real minisign, and everything that is not one."""

import mmap
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis.strategies import binary, text

from dnsguard.lists.errors import Refused
from dnsguard.lists.signature import (
    MAX_SIGNATURE_SIZE,
    PublicKey,
    parse_public_key,
    signature_url,
    timestamp,
    verify,
)

DATA = b"example.org\n" * 1000
KEY = PublicKey(b"12345678", bytes(32))


class Signer:
    """A key of minisign, made for a test."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._secret, self._public = folder / "minisign.key", folder / "minisign.pub"
        self._file = folder / "list.txt"
        _minisign("-G", "-W", "-s", self._secret, "-p", self._public)
        self.public_key_file = self._public.read_text("ascii")
        self.key = parse_public_key(self.public_key_file)

    def sign(self, data: bytes, *options: str) -> bytes:
        """Return the signature file of some data."""
        self._file.write_bytes(data)
        _minisign("-S", *options, "-s", self._secret, "-m", self._file)
        return self._file.with_name("list.txt.minisig").read_bytes()


def _minisign(*arguments: object) -> None:
    subprocess.run(
        ["minisign", *map(str, arguments)], check=True, capture_output=True, input=b"", timeout=20
    )


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(tmp_path_factory.mktemp("signer") / "own")


def refusal(key: PublicKey, data: bytes, signature: bytes) -> str:
    with pytest.raises(Refused) as refused:
        verify(key, data, signature)
    assert refused.value.reason == "signature"
    return str(refused.value)


@pytest.mark.parametrize("mode", [[], ["-l"]], ids=["prehashed", "legacy"])
class TestBothModes:
    def test_a_good_signature(self, signer: Signer, mode: list[str]) -> None:
        signature = signer.sign(DATA, *mode, "-t", "timestamp:1700000000\tfile:list.txt")
        comment = verify(signer.key, DATA, signature)
        assert comment == "timestamp:1700000000\tfile:list.txt"
        assert timestamp(comment) == 1_700_000_000

    def test_the_comment_minisign_writes_by_itself(self, signer: Signer, mode: list[str]) -> None:
        when = timestamp(verify(signer.key, DATA, signer.sign(DATA, *mode)))
        assert when is not None

    def test_a_file_that_was_changed(self, signer: Signer, mode: list[str]) -> None:
        signature = signer.sign(DATA, *mode)
        assert "not of this file" in refusal(signer.key, DATA + b"\n", signature)
        assert "not of this file" in refusal(signer.key, b"", signature)

    def test_a_trusted_comment_that_was_changed(self, signer: Signer, mode: list[str]) -> None:
        signature = signer.sign(DATA, *mode, "-t", "timestamp:1700000000")
        later = signature.replace(b"timestamp:1700000000", b"timestamp:1800000000")
        assert "comment" in refusal(signer.key, DATA, later)

    def test_a_comment_taken_from_another_signature(self, signer: Signer, mode: list[str]) -> None:
        own = signer.sign(DATA, *mode).splitlines(keepends=True)
        other = signer.sign(b"other", *mode, "-t", "new").splitlines(keepends=True)
        assert "comment" in refusal(signer.key, DATA, b"".join(own[:2] + other[2:]))

    def test_another_key(self, signer: Signer, mode: list[str], tmp_path: Path) -> None:
        other = Signer(tmp_path / "other")
        signature = other.sign(DATA, *mode)
        assert "another key" in refusal(signer.key, DATA, signature)
        impostor = PublicKey(other.key.key_id, signer.key.key)
        assert "not of this file" in refusal(impostor, DATA, signature)

    def test_a_signature_cut_anywhere(self, signer: Signer, mode: list[str]) -> None:
        signature = signer.sign(DATA, *mode).rstrip()
        for end in range(len(signature)):
            refusal(signer.key, DATA, signature[:end])

    def test_a_mapped_file(self, signer: Signer, mode: list[str], tmp_path: Path) -> None:
        signature = signer.sign(DATA, *mode)
        (tmp_path / "list.txt").write_bytes(DATA)
        with (
            (tmp_path / "list.txt").open("rb") as file,
            mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped,
        ):
            verify(signer.key, mapped, signature)

    def test_line_ends_of_windows(self, signer: Signer, mode: list[str]) -> None:
        verify(signer.key, DATA, signer.sign(DATA, *mode).replace(b"\n", b"\r\n"))


def test_the_modes_are_told_apart(signer: Signer) -> None:
    lines = signer.sign(DATA, "-l").split(b"\n")
    assert lines[1].startswith(b"RW")
    lines[1] = b"RU" + lines[1][2:]
    assert "not of this file" in refusal(signer.key, DATA, b"\n".join(lines))


def test_a_signature_file_without_bound_is_not_read() -> None:
    assert "larger" in refusal(KEY, DATA, b"\n" * (MAX_SIGNATURE_SIZE + 1))


@given(binary(max_size=400))
def test_any_octets_are_no_signature(data: bytes) -> None:
    refusal(KEY, DATA, data)


def test_a_key_is_one_line_or_the_file_it_came_in(signer: Signer) -> None:
    line = signer.public_key_file.splitlines()[1]
    assert parse_public_key(line) == parse_public_key(f" {line}\n") == signer.key


@given(text())
def test_any_text_is_no_key(words: str) -> None:
    with pytest.raises(ValueError, match="not a minisign public key: give"):
        parse_public_key(words)


def test_a_secret_key_or_a_signature_is_no_key(signer: Signer) -> None:
    line = signer.sign(DATA).decode("ascii").splitlines()[1]
    with pytest.raises(ValueError, match="not a minisign public key"):
        parse_public_key(line)


@pytest.mark.parametrize(
    ("comment", "when"),
    [
        ("timestamp:12 file:x", 12),
        ("file:x timestamp:12", 12),
        ("", None),
        ("timestamp:", None),
        ("timestamp:-1", None),
        ("mytimestamp:12", None),
        ("timestamp:1234567890123", None),
        ("timestamp:\u0661\u0662", None),
    ],
)
def test_the_time_of_a_comment(comment: str, when: int | None) -> None:
    assert timestamp(comment) == when


@pytest.mark.parametrize(
    ("url", "signature"),
    [
        ("https://lists.example/a.txt", "https://lists.example/a.txt.minisig"),
        ("https://lists.example/a.txt?key=1", "https://lists.example/a.txt.minisig?key=1"),
        ("https://lists.example", "https://lists.example/.minisig"),
        ("https://u:p@lists.example:8443/a", "https://u:p@lists.example:8443/a.minisig"),
    ],
)
def test_where_a_signature_is(url: str, signature: str) -> None:
    assert signature_url(url) == signature
