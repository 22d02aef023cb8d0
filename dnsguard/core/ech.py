"""HTTPS and SVCB answers without ECH, for those whose server names must stay visible.

Encrypted Client Hello hides a server's name from the gateway; its key comes in these records
(RFC 9460, RFC 9848). Without the key clients say the name in clear.
"""

from dnsguard.core.answer import Answer
from dnsguard.core.protocol import Rdatatype
from dnsguard.core.recompose import rewrite

MANDATORY, ECH = 0, 5  # SvcParamKeys (RFC 9460 section 14.3.2)

TYPES = frozenset({Rdatatype.SVCB, Rdatatype.HTTPS, Rdatatype.ANY})
"""The queried types whose answers may hold ECH keys."""

_SERVICES = frozenset({Rdatatype.SVCB, Rdatatype.HTTPS})
_ECH_KEY = ECH.to_bytes(2, "big")


def without_ech(question: bytes, answer: Answer) -> Answer:
    """Return an answer without ECH keys, itself when it has none."""
    changed = False

    def change(rdatatype: int, rdata: bytes) -> bytes:
        nonlocal changed
        if rdatatype not in _SERVICES:
            return rdata
        stripped = _strip(rdata)
        changed |= stripped != rdata
        return stripped

    stripped = rewrite(answer, question, question, change)
    return stripped if changed else answer


def _strip(rdata: bytes) -> bytes:
    """Return RDATA that was checked without ech, which no key is mandatory for any more."""
    position = 2
    while rdata[position]:
        position += 1 + rdata[position]
    position += 1
    kept = [rdata[:position]]
    while position < len(rdata):
        key = int.from_bytes(rdata[position : position + 2], "big")
        end = position + 4 + int.from_bytes(rdata[position + 2 : position + 4], "big")
        parameter = rdata[position:end]
        if key == MANDATORY:
            parameter = _without_mandatory_ech(parameter)
        if key != ECH:
            kept.append(parameter)
        position = end
    return b"".join(kept)


def _without_mandatory_ech(parameter: bytes) -> bytes:
    keys = [parameter[at : at + 2] for at in range(4, len(parameter), 2)]
    left = b"".join(key for key in keys if key != _ECH_KEY)
    return parameter[:2] + len(left).to_bytes(2, "big") + left if left else b""
