"""The numbers of the DNS registries that dnsguard names (IANA "DNS Parameters")."""

from enum import IntEnum


class Opcode(IntEnum):
    """Kind of query (RFC 1035 section 4.1.1)."""

    QUERY = 0


class Rcode(IntEnum):
    """Result code (RFC 6895 section 2.3)."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    BADVERS = 16
    BADCOOKIE = 23


class Rdatatype(IntEnum):
    """Types of resource record that dnsguard treats by name."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    MX = 15
    TXT = 16
    AAAA = 28
    SRV = 33
    NAPTR = 35
    DNAME = 39
    OPT = 41
    DS = 43
    RRSIG = 46
    SVCB = 64
    HTTPS = 65
    TKEY = 249
    TSIG = 250
    IXFR = 251
    AXFR = 252
    MAILB = 253
    MAILA = 254
    ANY = 255


class Rdataclass(IntEnum):
    """Classes of record; dnsguard answers for IN only."""

    IN = 1


class Ede(IntEnum):
    """Extended DNS Error codes (RFC 8914 section 5.2)."""

    OTHER = 0
    UNSUPPORTED_DNSKEY_ALGORITHM = 1
    UNSUPPORTED_DS_DIGEST_TYPE = 2
    STALE_ANSWER = 3
    FORGED_ANSWER = 4
    DNSSEC_INDETERMINATE = 5
    DNSSEC_BOGUS = 6
    SIGNATURE_EXPIRED = 7
    SIGNATURE_NOT_YET_VALID = 8
    DNSKEY_MISSING = 9
    RRSIGS_MISSING = 10
    NO_ZONE_KEY_BIT_SET = 11
    NSEC_MISSING = 12
    CACHED_ERROR = 13
    NOT_READY = 14
    BLOCKED = 15
    CENSORED = 16
    FILTERED = 17
    PROHIBITED = 18
    STALE_NXDOMAIN_ANSWER = 19
    NOT_AUTHORITATIVE = 20
    NOT_SUPPORTED = 21
    NO_REACHABLE_AUTHORITY = 22
    NETWORK_ERROR = 23
    INVALID_DATA = 24


class EdnsOption(IntEnum):
    """EDNS options that dnsguard reads or writes."""

    ECS = 8
    COOKIE = 10
    KEEPALIVE = 11
    PADDING = 12
    EDE = 15


class Transport(IntEnum):
    """How a query came in; the order is that of the counters."""

    UDP = 0
    TCP = 1
    DOT = 2
    DOH = 3
    DOQ = 4


class Source(IntEnum):
    """Where an answer came from; the order is that of the counters."""

    CACHE = 0
    UPSTREAM = 1
    STALE = 2
    POLICY = 3
    LOCAL = 4
    REFUSED = 5


# Header flag bits (RFC 1035 section 4.1.1, RFC 4035 section 3.1.6).
QR = 0x8000
AA = 0x0400
TC = 0x0200
RD = 0x0100
RA = 0x0080
AD = 0x0020
CD = 0x0010
OPCODE_MASK = 0x7800
RCODE_MASK = 0x000F

# The DO bit of the EDNS flags (RFC 3225).
DO = 0x8000
