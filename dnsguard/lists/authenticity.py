"""Whether a file is the one that was meant: a pinned hash, a publisher's signature."""

import hashlib
from dataclasses import dataclass

from dnsguard.lists.errors import Refused
from dnsguard.lists.signature import parse_public_key, timestamp, verify


@dataclass(frozen=True, slots=True)
class Demands:
    """What a list's config demands of each version; None demands nothing."""

    sha256: str | None = None
    public_key: str | None = None


def check(
    demands: Demands,
    data: bytes | memoryview,
    signature: bytes | None,
    *,
    before: str | None = None,
) -> str | None:
    """Return the trusted comment of the signature, None where none is demanded.

    `before` is the trusted comment of the version in force: one that was signed earlier is
    an old version served again, whoever it is that serves it. Raises Refused for hash and
    signature.
    """
    if demands.sha256 is not None:
        found = hashlib.sha256(data).hexdigest()
        if found != demands.sha256:
            raise Refused(
                "hash",
                f"its sha256 is {found}, not the one in the config: if the new version is meant, "
                "change 'sha256'",
            )
    if demands.public_key is None:
        return None
    if signature is None:
        raise Refused("signature", "it is not signed: ask its publisher for a .minisig beside it")
    comment = verify(parse_public_key(demands.public_key), data, signature)
    signed, earlier = timestamp(comment), timestamp(before or "")
    if signed is not None and earlier is not None and signed < earlier:
        raise Refused(
            "signature",
            "it was signed before the version in force: an old version is served again; ask its "
            "publisher",
        )
    return comment
