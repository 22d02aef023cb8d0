"""A dnsguard in this process, where time passes by addition, for rows about time."""

import dns.edns
import dns.flags
import dns.message
import dns.rcode

from dnsguard.core.generation import Generation
from tests.standards.subject import rrset
from tests.support.gateway import Gateway, records_server
from tests.support.generations import generation

CLIENT, STAFF = "192.168.1.5", "10.20.0.7"

Told = dict[str, tuple[list[str], list[str], str]]
"""What is told of questions such as `www.example.org A`: answer, authority and rcode."""


class Clocked(Gateway):
    """A gateway whose upstream tells what it was taught and remembers what it was asked."""

    def __init__(self, chosen: Generation | None = None) -> None:
        self.asked: list[str] = []
        self._told: Told = {}
        self.authentic = False
        self.error: dns.edns.EDEOption | None = None
        self._otherwise = records_server()
        super().__init__(chosen or generation(), self._answer)

    def tell(
        self, text: str, *records: str, authority: tuple[str, ...] = (), rcode: str = "NOERROR"
    ) -> None:
        """Have the upstream tell these records of a question, from now on."""
        self._told[text] = (list(records), list(authority), rcode)

    def look(
        self, text: str, *, client: str = CLIENT, edns: bool = True, do: bool = False
    ) -> dns.message.Message:
        """Return the answer that a client is given now."""
        name, qtype = text.split()
        use_edns = 0 if edns else False
        query = dns.message.make_query(name, qtype, use_edns=use_edns, want_dnssec=do)
        response = self.ask(client, query)
        assert response is not None
        return response

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        question = query.question[0]
        name = str(question.name).rstrip(".").lower()
        text = f"{name} {dns.rdatatype.to_text(question.rdtype)}"
        self.asked.append(text)
        if text not in self._told:
            return self._otherwise(query)
        records, authority, rcode = self._told[text]
        response = dns.message.make_response(query, recursion_available=True)
        response.set_rcode(dns.rcode.from_text(rcode))
        response.flags |= dns.flags.AD if self.authentic else 0
        if self.error is not None:
            response.use_edns(options=[self.error])
        response.answer = [rrset(record, f"{name}.") for record in records]
        response.authority = [rrset(record, f"{name}.") for record in authority]
        return response
