"""Records that a list gives as the answer for a name: RPZ local data and its kin."""

from ipaddress import ip_address

from dnsguard.core.protocol import Rdatatype
from dnsguard.core.view import Effect
from dnsguard.lists.formats.findings import Findings, Owner
from dnsguard.lists.rules import BLOCK, Action

MAX_RECORDS = 16
MAX_ACTIONS = 1000
LEFT_OUT = "local data left out"
DEFAULT_TTL = 3600  # an answer's is the sinkhole's at most

Record = tuple[int, int, bytes]


def address_record(packed: bytes) -> Record:
    """Return the record of an address, 4 or 16 octets."""
    return (Rdatatype.A if len(packed) == 4 else Rdatatype.AAAA), DEFAULT_TTL, packed


def is_sinkhole(packed: bytes) -> bool:
    """Tell whether an address leads nowhere: the unspecified and the loopback ones."""
    address = ip_address(packed)
    return address.is_unspecified or address.is_loopback


class LocalData:
    """Gathers the records of each owner; what passes the bounds is blocked without its data."""

    def __init__(self) -> None:
        self._records: dict[Owner, tuple[Record, ...]] = {}
        self._without: dict[Owner, None] = {}

    def add(self, owner: Owner, record: Record) -> None:
        """Add a record to those of its owner."""
        known = self._records.get(owner, ())
        if len(known) <= MAX_RECORDS and record not in known:
            self._records[owner] = (*known, record)

    def add_without_data(self, owner: Owner) -> None:
        """Add an owner whose data cannot be given."""
        self._without[owner] = None

    def write(self, findings: Findings) -> None:
        """Make an action of the records of each owner."""
        actions: dict[tuple[Record, ...], Action] = {}
        for owner, records in self._records.items():
            if owner in self._without:
                continue
            action = actions.get(records)
            if action is None and len(records) <= MAX_RECORDS and len(actions) < MAX_ACTIONS:
                action = actions[records] = Action(Effect.BLOCK, "data", records)
            if action is None:
                self._without[owner] = None
            else:
                findings.add(owner, action)
        for owner in self._without:
            findings.pass_over(LEFT_OUT)
            findings.add(owner, BLOCK)
