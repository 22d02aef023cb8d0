"""Zones signed as a test wants them: well, or some of their names badly."""

from collections.abc import Mapping
from typing import NamedTuple

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdatatype
import dns.rrset
import dns.transaction
import dns.zone
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from dns.dnssectypes import Algorithm
from dns.rdtypes.dnskeybase import Flag

LIFETIME = 86_400
LONG_AGO = "20200101000000"


class SignedZone(NamedTuple):
    """The text of a zone, and its key as a trust anchor."""

    text: str
    anchor: str


def sign(apex: str, text: str, faults: Mapping[str, str]) -> SignedZone:
    """Sign a zone; `faults` says of relative names what is wrong with their address's signature.

    That is `corrupted`, `expired` or `missing`.
    """
    origin = dns.name.from_text(apex)
    zone = dns.zone.from_text(text, origin, relativize=False)
    private = Ed25519PrivateKey.generate()
    key = dns.dnssec.make_dnskey(
        private.public_key(),
        Algorithm.ED25519,
        flags=Flag.ZONE | Flag.SEP,
    )
    faulty = {dns.name.from_text(name, origin): fault for name, fault in faults.items()}

    def sign_rrset(transaction: dns.transaction.Transaction, rrset: dns.rrset.RRset) -> None:
        fault = faulty.get(rrset.name) if rrset.rdtype == dns.rdatatype.A else None
        if fault == "missing":
            return
        inception = LONG_AGO if fault == "expired" else None
        signature: dns.rdata.Rdata = dns.dnssec.sign(
            rrset, private, origin, key, inception, lifetime=LIFETIME
        )
        if fault == "corrupted":
            signature = signature.replace(signature=bytes(64))
        transaction.add(rrset.name, rrset.ttl, signature)

    dns.dnssec.sign_zone(zone, keys=[(private, key)], rrset_signer=sign_rrset)
    return SignedZone(zone.to_text(), f"{origin} IN DNSKEY {key}")
