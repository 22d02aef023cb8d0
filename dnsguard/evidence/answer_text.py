"""A response of ours as text for people.

What it passes on comes from anywhere: RDATA that is no good is shown as octets (RFC 3597
section 5), and no text of it can end a line or move a cursor.
"""

from collections.abc import Iterator

import dnslib

from dnsguard.core import names
from dnsguard.core.protocol import Ede, EdnsOption
from dnsguard.core.records import RecordParser, parse_records
from dnsguard.core.wire import HEADER_SIZE, skip_name
from dnsguard.text import printable

_QUESTION_REST = 4  # octets behind its name


def describe(response: bytes) -> list[str]:
    """Return the status, the records and the extended errors of a response, a line each."""
    header = dnslib.DNSHeader.parse(dnslib.DNSBuffer(response))
    position = HEADER_SIZE
    if header.q:
        position = skip_name(response, position) + _QUESTION_REST
    parser = parse_records(response, position)
    lines = [f"status: {dnslib.RCODE.get(header.rcode)}"]
    lines += [_next_record(parser) for _ in range(header.a)]
    lines += [f"{_next_record(parser)} (authority)" for _ in range(header.auth)]
    lines += _extended_errors(response, parser.position, header.ar)
    return [printable(line) for line in lines]


def _next_record(parser: RecordParser) -> str:
    start = parser.position
    parser.parse()
    buffer = dnslib.DNSBuffer(parser.data)
    buffer.offset = start
    try:
        return str(dnslib.RR.parse(buffer).toZone())
    except Exception:  # noqa: BLE001 - the library raises anything for RDATA that is malformed
        owner = names.to_text(parser.name(parser.owner))
        rdata = parser.data[parser.rdata : parser.position]
        return (
            f"{owner}. {parser.ttl} CLASS{parser.rdataclass} TYPE{parser.rdatatype} "
            f"\\# {len(rdata)} {rdata.hex()}"
        )


def _extended_errors(response: bytes, position: int, count: int) -> Iterator[str]:
    buffer = dnslib.DNSBuffer(response)
    buffer.offset = position
    for _ in range(count):  # our own OPT record, and nothing else
        for option in dnslib.RR.parse(buffer).rdata:
            if option.code == EdnsOption.EDE:
                yield _extended_error(option.data)


def _extended_error(data: bytes) -> str:
    code = int.from_bytes(data[:2], "big")
    name = Ede(code).name.replace("_", " ").capitalize() if code in set(Ede) else ""
    return f"EDE: {code} ({name}): {data[2:].decode('utf-8', 'replace')}"
