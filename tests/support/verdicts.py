"""What a server says of names, in a form in which servers can be compared."""

from collections.abc import Sequence
from typing import NamedTuple

import dns.message
import dns.rcode
import dns.rdatatype

from dnsguard.core import names
from tests.scenarios.client import UNDER_WAY, Datagrams, Place

ASKED_AGAIN = 3  # times, before silence is taken for the answer


class Question(NamedTuple):
    """A wire name, asked in the letters it has, and a type."""

    name: bytes
    rdatatype: str = "A"

    def __str__(self) -> str:
        return f"{names.to_text(self.name)} {self.rdatatype}"


class Verdict(NamedTuple):
    """A response code and the records of the queried name itself, as `TYPE data`.

    What an alias leads to is left out: some servers follow it, others leave that to the client.
    """

    rcode: str
    records: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return ", ".join([self.rcode, *sorted(self.records)])


SILENCE = Verdict("no answer")


def ask_verdicts(place: Place, questions: Sequence[Question]) -> list[Verdict]:
    """Return the verdict on each question; many are under way at a time.

    The server must forward names in `fence.example.net`: a query for one goes after the others,
    so that what is still silent when it is answered was not going to be answered.
    """
    with Datagrams(place) as client:
        asking = _Asking(client, questions)
        for first in range(0, len(questions), UNDER_WAY):
            asking.ask(range(first, min(first + UNDER_WAY, len(questions))))
        return asking.verdicts()


class _Asking:
    def __init__(self, client: Datagrams, questions: Sequence[Question]) -> None:
        self._client = client
        self._questions = questions
        self._answers = [b""] * len(questions)
        self._fences = 0

    def ask(self, numbers: Sequence[int]) -> None:
        """Ask some of the questions, those that are not answered again."""
        for _ in range(ASKED_AGAIN):
            waiting = {number for number in numbers if not self._answers[number]}
            if not waiting:
                return
            for number in waiting:
                question = self._questions[number]
                rdatatype = dns.rdatatype.from_text(question.rdatatype)
                self._client.send(_compose(number, question.name, rdatatype))
            self._fences += 1
            fence = names.from_text(f"x{self._fences}.fence.example.net")
            self._client.send(_compose(0, fence, dns.rdatatype.A))
            self._receive_until(fence)

    def _receive_until(self, fence: bytes) -> None:
        while not (answer := self._client.receive()).startswith(fence, 12):
            number = int.from_bytes(answer[:2], "big")
            assert answer.startswith(self._questions[number].name, 12), "another's answer"
            self._answers[number] = answer

    def verdicts(self) -> list[Verdict]:
        """Return what was said to each question."""
        return [
            _parse(question, answer)
            for question, answer in zip(self._questions, self._answers, strict=True)
        ]


def _compose(number: int, name: bytes, rdatatype: int) -> bytes:
    header = number.to_bytes(2, "big") + bytes.fromhex("0100 0001 0000 0000 0000")
    return header + name + rdatatype.to_bytes(2, "big") + b"\0\1"


def _parse(question: Question, answer: bytes) -> Verdict:
    if not answer:
        return SILENCE
    rcode = dns.rcode.to_text(dns.rcode.Rcode(answer[3] & 0x0F))
    if answer[6:8] == b"\0\0":
        return Verdict(rcode)
    response = dns.message.from_wire(answer)
    own = frozenset(
        f"{dns.rdatatype.to_text(rrset.rdtype)} {rdata}"
        for rrset in response.answer
        if rrset.name == response.question[0].name
        for rdata in rrset
    )
    return Verdict(rcode, own)
