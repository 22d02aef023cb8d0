"""Hashes and signatures that the config demands, with the real minisign."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from dnsguard.lists.authenticity import Demands, check
from dnsguard.lists.errors import Refused

DATA = b"example.org\n"
SHA256 = hashlib.sha256(DATA).hexdigest()


class Publisher:
    """Whoever publishes a list: a key, and signatures by it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._minisign("-G", "-W", "-p", "own.pub", "-s", "own.key")
        self.public_key = (folder / "own.pub").read_text("ascii").splitlines()[-1]

    def sign(self, data: bytes, comment: str) -> bytes:
        """Return the signature file of some data."""
        (self._folder / "list").write_bytes(data)
        self._minisign("-S", "-s", "own.key", "-m", "list", "-t", comment)
        return (self._folder / "list.minisig").read_bytes()

    def _minisign(self, *arguments: str) -> None:
        command = ["minisign", *arguments]
        subprocess.run(command, cwd=self._folder, check=True, capture_output=True, timeout=20)


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    return Publisher(tmp_path_factory.mktemp("publisher"))


def refusal(
    demands: Demands, data: bytes, signature: bytes | None, before: str | None = None
) -> str:
    """Return the reason and the message, empty when it is accepted."""
    try:
        check(demands, data, signature, before=before)
    except Refused as refused:
        return f"{refused.reason}: {refused}"
    return ""


def test_without_demands_anything_goes() -> None:
    assert check(Demands(), DATA, None) is None
    assert check(Demands(), DATA, b"no signature", before="timestamp:9") is None


def test_a_pinned_hash() -> None:
    assert check(Demands(sha256=SHA256), DATA, None) is None
    assert check(Demands(sha256=SHA256), memoryview(DATA), None) is None
    said = refusal(Demands(sha256=SHA256), DATA + DATA, None)
    assert said.startswith(f"hash: its sha256 is {hashlib.sha256(DATA + DATA).hexdigest()}")
    assert "change 'sha256'" in said


def test_a_signature_is_demanded_and_gives_its_comment(publisher: Publisher) -> None:
    demands = Demands(public_key=publisher.public_key)
    signature = publisher.sign(DATA, "timestamp:100 for dnsguard")
    assert check(demands, DATA, signature) == "timestamp:100 for dnsguard"
    assert check(demands, memoryview(DATA), signature) == "timestamp:100 for dnsguard"
    assert refusal(demands, DATA, None).startswith("signature: it is not signed")
    assert refusal(demands, DATA + b"\n", signature).startswith("signature: ")


def test_both_are_demanded(publisher: Publisher) -> None:
    demands = Demands(sha256=SHA256, public_key=publisher.public_key)
    signature = publisher.sign(DATA, "timestamp:100")
    assert refusal(demands, DATA, signature) == ""
    assert refusal(demands, DATA, None).startswith("signature: ")
    other = b"example.net\n"
    assert refusal(demands, other, publisher.sign(other, "timestamp:100")).startswith("hash: ")


@pytest.mark.parametrize(
    ("comment", "before", "accepted"),
    [
        ("timestamp:100", None, True),
        ("timestamp:100", "timestamp:99", True),
        ("timestamp:100", "timestamp:100", True),
        ("timestamp:100", "timestamp:101", False),
        ("timestamp:100\tfile:list", "timestamp:1000 file:list", False),
        ("timestamp:100", "no time", True),
    ],
)
def test_an_older_signature_is_an_old_version(
    publisher: Publisher, comment: str, before: str | None, accepted: bool
) -> None:
    demands = Demands(public_key=publisher.public_key)
    said = refusal(demands, DATA, publisher.sign(DATA, comment), before)
    assert (said == "") is accepted
    assert accepted or said.startswith("signature: it was signed before the version in force")
