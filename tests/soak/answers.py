"""What an answer says, held against the truth: one word, and the whole answer where it is wrong."""

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.rcode
from dns.rdatatype import AAAA, A

from tests.soak import truth
from tests.soak.questions import COOKIE, ODD, Question
from tests.soak.truth import NXDOMAIN

TOLD, BLOCKED, STALE, SERVFAIL, REFUSED = "told", "blocked", "stale", "SERVFAIL", "REFUSED"
TRUNCATED, LOST, CUT_OFF = "truncated", "lost", "cut off"
ODDLY = "as odd as asked"
"""What was asked oddly is answered as it should be."""

STALE_TTL = 30
SLACK = 2.0  # seconds a pause of the machine may add to the age of an answer
_SINKHOLE = {A: "0.0.0.0", AAAA: "::"}
_BLOCKED_EDE, _STALE_EDE, _STALE_NXDOMAIN_EDE = 15, 3, 19
_ALARMING = {_BLOCKED_EDE, _STALE_EDE, _STALE_NXDOMAIN_EDE}


def compose(question: Question, number: int, server_cookie: bytes = b"") -> bytes:
    """Return the query of a question with an ID; the letter case is drawn from the ID."""
    if question.odd >= 0:
        return number.to_bytes(2, "big") + ODD[question.odd].message[2:]
    bits = number * 40_503
    letters = (c.upper() if bits >> i % 24 & 1 else c for i, c in enumerate(question.name))
    options: list[dns.edns.Option] = []
    if question.cookie:
        options.append(dns.edns.GenericOption(dns.edns.OptionType.COOKIE, COOKIE + server_cookie))
    query = dns.message.make_query(
        "".join(letters),
        question.rdatatype,
        use_edns=0 if question.edns else False,
        payload=1232,
        want_dnssec=question.dnssec,
        options=options,
        id=number,
    )
    return query.to_wire()


def read(question: Question, query: bytes, answer: bytes, sent: float, received: float) -> str:
    """Return one of the words above, or what is wrong with an answer."""
    if question.odd >= 0:
        return _read_odd(question, query, answer)
    try:
        response = dns.message.from_wire(answer, one_rr_per_rrset=True)
    except dns.exception.DNSException as error:
        return f"unreadable: {type(error).__name__} {answer.hex()}"
    end = query.index(b"\0", 12) + 5
    if answer[:2] != query[:2] or answer[12:end] != query[12:end]:
        return f"answers another question: {answer.hex()}"
    flags = dns.flags.QR | dns.flags.RA | dns.flags.RD
    if response.flags & ~(dns.flags.TC | 0xF) != flags:
        return f"wrong flags: {response}"
    if (response.edns >= 0) != question.edns:
        return f"wrong about EDNS: {response}"
    if question.cookie and not server_cookie(response):
        return f"no cookie: {response}"
    said = _outcome(question, response, received, received - sent)
    return said or f"wrong: {response}"


def server_cookie(response: dns.message.Message) -> bytes:
    """Return the server's part of the cookie of a response; nothing when it is not for us."""
    for option in response.options:
        if option.otype == dns.edns.OptionType.COOKIE:
            data = option.to_wire() or b""
            return data[8:] if data[:8] == COOKIE and len(data) == 24 else b""
    return b""


def _outcome(
    question: Question, response: dns.message.Message, now: float, waited: float
) -> str | None:
    rcode = response.rcode()
    codes = {option.code for option in response.options if isinstance(option, dns.edns.EDEOption)}
    if rcode in (dns.rcode.SERVFAIL, dns.rcode.REFUSED):
        return None if response.answer else dns.rcode.to_text(rcode)
    if response.flags & dns.flags.TC:
        return TRUNCATED if question.transport == "udp" and not response.answer else None
    if _is_sinkhole(question, response) and (_BLOCKED_EDE in codes or not question.edns):
        return BLOCKED
    if not _is_true(question, response):
        return None
    ttl = min((rrset.ttl for rrset in response.answer), default=0)
    if codes & {_STALE_EDE, _STALE_NXDOMAIN_EDE}:
        right = _STALE_NXDOMAIN_EDE if rcode == NXDOMAIN else _STALE_EDE
        return STALE if codes == {right} and ttl <= STALE_TTL else None
    if codes & _ALARMING:
        return None
    return TOLD if question.kind != "moving" or _is_fresh(response, now, waited) else None


def _is_sinkhole(question: Question, response: dns.message.Message) -> bool:
    if response.rcode() != dns.rcode.NOERROR:
        return False
    addresses = [rdata.to_text() for rrset in response.answer for rdata in rrset]
    sinkhole = _SINKHOLE.get(question.rdatatype)
    return addresses == ([] if sinkhole is None else [sinkhole])


def _is_true(question: Question, response: dns.message.Message) -> bool:
    """Tell whether a response says what the upstreams say, for no longer than they do."""
    told = question.told()
    if response.rcode() != told.rcode:
        return False
    expected = {(record.owner, record.rdatatype): record for record in told.answer}
    for rrset in response.answer:
        owner = rrset.name.to_text(omit_final_dot=True).lower()
        record = expected.pop((owner, rrset.rdtype), None)
        if record is None or rrset.ttl > record.ttl:
            return False
        if question.kind == "moving":
            if truth.told_at(rrset[0].to_wire() or b"")[1] != question.name:
                return False
        elif rrset[0].to_digestable() != record.rdata:  # names in it in any case
            return False
    return not expected


def _is_fresh(response: dns.message.Message, now: float, waited: float) -> bool:
    """Tell whether a name in `moving` was told no longer ago than it may be kept."""
    when = truth.told_at(response.answer[0][0].to_wire() or b"")[0]
    return now - when <= truth.SHORT_TTL + 1 + waited + SLACK


def _read_odd(question: Question, query: bytes, answer: bytes) -> str:
    outcome = ODD[question.odd].outcome
    try:
        response = dns.message.from_wire(answer)
    except dns.exception.DNSException as error:
        return f"unreadable: {type(error).__name__} {answer.hex()}"
    rcode = dns.rcode.to_text(response.rcode())
    right = (answer[:2], rcode, response.answer) == (query[:2], outcome, [])
    return ODDLY if right else f"{outcome} was due: {response}"
