"""Queries that ask for nothing a resolver has: transfers, other classes, no type of data."""

from dnsguard.core.answer import Answer
from dnsguard.core.edns import ede_option
from dnsguard.core.protocol import Ede, Rcode, Rdataclass, Rdatatype
from dnsguard.core.wire import Query

_META_TYPES = frozenset(
    {Rdatatype.TKEY, Rdatatype.TSIG, Rdatatype.IXFR, Rdatatype.AXFR}
    | {Rdatatype.MAILB, Rdatatype.MAILA}
)
_FIRST_META_TYPE = min(_META_TYPES)
_OPT = int(Rdatatype.OPT)  # refusals.pxd types what is defined here, not what is imported
_IN = int(Rdataclass.IN)
_FORMERR = Answer(Rcode.FORMERR)
_REFUSED = Answer(Rcode.REFUSED)
_NOT_SUPPORTED = ede_option(Ede.NOT_SUPPORTED)


def asks_for_data(query: Query) -> bool:
    """Tell whether a query asks for data of the internet, of one type or of all (RFC 6895)."""
    if query.qclass != _IN:
        return False
    if query.qtype >= _FIRST_META_TYPE:
        return query.qtype not in _META_TYPES
    return query.qtype not in (0, _OPT)


def refusal(query: Query) -> tuple[Answer, bytes]:
    """Return the answer to any other query, and the option that says why."""
    if query.qclass == _IN and query.qtype in (0, _OPT):
        return _FORMERR, b""
    return _REFUSED, _NOT_SUPPORTED
