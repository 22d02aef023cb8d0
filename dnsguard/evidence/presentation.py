"""The records of an answer as text, a line for each, whatever strangers put into them."""

import dnslib

from dnsguard.core import names
from dnsguard.core.protocol import Ede, EdnsOption
from dnsguard.core.records import RecordParser, parse_records
from dnsguard.text import printable

_HEADER_SIZE = 12
_OPT = 41
_CLASSES = {1: "IN"}


def present_answer(response: bytes) -> list[str]:
    """Return the status, the records and the Extended DNS Errors of a response of ours.

    No line holds what could move a terminal's cursor or begin another line.
    """
    rcode, ancount, nscount, arcount = (
        response[3] & 0xF,
        *(int.from_bytes(response[at : at + 2], "big") for at in (6, 8, 10)),
    )
    lines = [f"status: {dnslib.RCODE.get(rcode)}"]
    parser = parse_records(response, _HEADER_SIZE)
    parser = parse_records(response, parser.skip_name(_HEADER_SIZE) + 4)
    for number in range(ancount + nscount + arcount):
        parser.parse()
        if parser.rdatatype == _OPT:
            lines += _errors(response[parser.rdata : parser.position])
        else:
            authority = ancount <= number < ancount + nscount
            lines.append(_present(parser) + " (authority)" * authority)
    return [printable(line) for line in lines]


def _present(parser: RecordParser) -> str:
    buffer = dnslib.DNSBuffer(parser.data)
    buffer.offset = parser.owner
    try:
        return str(dnslib.RR.parse(buffer).toZone())
    except Exception:  # noqa: BLE001 - no record is so odd that the others go untold
        return _present_unknown(parser)


def _present_unknown(parser: RecordParser) -> str:
    """Return a record in the form for those whose type is unknown (RFC 3597 section 5)."""
    owner = names.to_text(parser.name(parser.owner)).removesuffix(".")
    rdataclass = _CLASSES.get(parser.rdataclass, f"CLASS{parser.rdataclass}")
    data = parser.data[parser.rdata : parser.position]
    head = f"{owner}. {parser.ttl} {rdataclass} TYPE{parser.rdatatype}"
    return f"{head} \\# {len(data)} {data.hex()}".rstrip()


def _errors(options: bytes) -> list[str]:
    errors = []
    while options:
        code, size = (int.from_bytes(options[at : at + 2], "big") for at in (0, 2))
        data, options = options[4 : 4 + size], options[4 + size :]
        if code == EdnsOption.EDE:
            errors.append(_error(data))
    return errors


def _error(data: bytes) -> str:
    code = int.from_bytes(data[:2], "big")
    name = Ede(code).name.replace("_", " ").capitalize() if code in set(Ede) else ""
    return f"EDE: {code} ({name}): {data[2:].decode('utf-8', 'replace')}"
