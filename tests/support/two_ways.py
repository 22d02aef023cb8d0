"""The two ways from a message of an upstream to an answer, `verbatim` and `recompose`."""

from typing import NamedTuple

from dnsguard.core.answer import Answer
from dnsguard.core.recompose import parse_sections, recompose
from dnsguard.core.records import parse_records
from dnsguard.core.verbatim import Verbatim

HEADER = b"\x01a" + bytes(10)  # a name could be made of it, if a pointer led there


class Message(NamedTuple):
    """What both ways need of a message."""

    question: bytes
    ancount: int
    nscount: int
    records: bytes

    def verbatim(self, rcode: int = 0, bounds: tuple[int, int] = (0, 86_400)) -> Answer | None:
        """Return the answer as it stands, None when it cannot stay."""
        parser = parse_records(HEADER + self.question + self.records, 12 + len(self.question))
        qtype = int.from_bytes(self.question[-4:-2], "big")
        verbatim = Verbatim()
        if not verbatim.take(parser, self.ancount, self.nscount, qtype, *bounds):
            return None
        return verbatim.compose(rcode)

    def recomposed(self, rcode: int = 0, bounds: tuple[int, int] = (0, 86_400)) -> Answer:
        """Return the answer composed anew. Raises MalformedError."""
        parser = parse_records(HEADER + self.question + self.records, 12 + len(self.question))
        sections = parse_sections(parser, self.ancount, self.nscount)
        return recompose(sections, rcode, self.question, *bounds)

    def told(self, answer: Answer) -> list[tuple[object, ...]]:
        """Return what an answer tells a client that asked in another letter case."""
        asked = self.question[:-4].upper() + self.question[-4:]
        data = b"\xff" * 12 + asked + answer.body
        parser = parse_records(data, 12 + len(asked))
        records: list[tuple[object, ...]] = []
        for offset in answer.ttl_offsets:
            parser.parse()
            assert offset == parser.rdata - 6 - 12 - len(asked)
            rdata = data[parser.rdata : parser.first_name] if parser.first_name else b""
            for name in (parser.first_name, parser.second_name):
                rdata += parser.name(name).lower() if name else b""
            rdata += data[parser.tail : parser.position]
            owner = parser.name(parser.owner).lower()
            records.append((owner, parser.rdatatype, parser.rdataclass, parser.ttl, rdata))
        assert parser.position == len(data)
        summary = (answer.rcode, answer.ttl, answer.ancount, answer.nscount)
        assert len(records) == answer.ancount + answer.nscount
        return [summary, *records]
