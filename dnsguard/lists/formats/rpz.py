"""Response policy zones: what a zone file's records say about queried names and addresses.

Owners are marks of their own: `x` is that name, `*.x` what is below it. What a trigger does is
told by its record: `CNAME .` NXDOMAIN, `CNAME *.` NODATA, `CNAME rpz-drop.` no answer,
`CNAME rpz-passthru.` (and the old form, a CNAME to itself) an exception; other data is the
answer (draft-vixie-dnsop-dns-rpz).
"""

from collections.abc import Mapping

from dnsguard.core import names
from dnsguard.core.image import Kind
from dnsguard.core.networks import Prefix
from dnsguard.core.protocol import Rdatatype
from dnsguard.core.view import Effect
from dnsguard.lists.formats.cidr import parse_prefix
from dnsguard.lists.formats.entry import MAX_PLAIN, compose
from dnsguard.lists.formats.findings import Findings, Owner
from dnsguard.lists.formats.lines import find_lines, plain_lines
from dnsguard.lists.formats.local_data import LocalData, Record
from dnsguard.lists.formats.rdata import parse_rdata
from dnsguard.lists.formats.zone_file import ZoneFile, ZoneRecord
from dnsguard.lists.rules import ALLOW, Action, RuleType

_LINES = plain_lines(
    rb"(\*\.)?+((?:[a-z0-9_-]{1,63}+\.(?=[a-z0-9_-]))*+(?!rpz-)[a-z_][a-z0-9_-]{0,62}+)"
    rb'(\.?+)([ \t]++[^;"()$@\n]++)'
)
_MAX_ENDINGS = 1000
_MAX_OWNER = MAX_PLAIN - len("*.")
_WILDCARD = b"\x01*"

_ACTIONS: Mapping[bytes, Action] = {
    names.ROOT: Action(Effect.BLOCK, "nxdomain"),
    _WILDCARD + names.ROOT: Action(Effect.BLOCK, "nodata"),
    names.from_text("rpz-drop"): Action(Effect.BLOCK, "drop"),
    names.from_text("rpz-passthru"): ALLOW,
}
_TCP_ONLY = names.from_text("rpz-tcp-only")
_OTHER_TRIGGERS = {
    names.from_text(label): f"the trigger {label}"
    for label in ("rpz-client-ip", "rpz-nsdname", "rpz-nsip")
}
_RPZ_IP = names.from_text("rpz-ip")
_NO_TRIGGERS = {
    *("SOA", "NS", "DNAME", "ZONEMD", "DS", "CDS", "DNSKEY", "CDNSKEY"),
    *("RRSIG", "NSEC", "NSEC3", "NSEC3PARAM"),
}


def read(text: bytes, _match: Kind | None, findings: Findings) -> None:
    """Read a response policy zone."""
    _Reader(findings).read(text)


class _Reader:
    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._zone = ZoneFile()
        self._data = LocalData()
        # What lines that end so say of any owner: the names that get it, exact and below, or
        # the record.
        self._actions: dict[bytes, tuple[dict[bytes, None], dict[bytes, None]]] = {}
        self._records: dict[bytes, Record] = {}
        self._last_plain = b"", b""

    def read(self, text: bytes) -> None:
        actions = self._actions
        number = 0
        for number, (star, plain, dot, ending, line) in enumerate(find_lines(_LINES, text), 1):
            if ending in actions and not dot and len(plain) <= _MAX_OWNER:
                actions[ending][1 if star else 0][compose(plain)] = None
                self._last_plain = star, plain
            elif plain:
                self._read_plain(number, star, plain, dot, ending)
            elif line.strip():
                self._read_line(number, line, b"")
        self._end_open_record(number, b"")
        self._data.write(self._findings)

    def _read_plain(
        self, number: int, star: bytes, plain: bytes, dot: bytes, ending: bytes
    ) -> None:
        owner = plain.removesuffix(self._zone.ending) if dot else plain
        record = self._records.get(ending)
        if (ending not in self._actions and record is None) or (
            dot and (owner == plain or b"rpz-" in owner)
        ):
            self._end_open_record(number, plain)
            self._read_line(number, star + plain + dot + ending, ending)
            return
        name = compose(owner)
        if record is None:
            self._actions[ending][1 if star else 0][name] = None
        elif record[0] == Rdatatype.CNAME and record[2] == name and not star:
            self._findings.add((Kind.EXACT, name), ALLOW)  # the old form of an exception
        else:
            self._data.add((Kind.BELOW if star else Kind.EXACT, name), record)
        self._last_plain = star, owner

    def _end_open_record(self, number: int, line: bytes) -> None:
        if self._zone.is_open:
            self._findings.add_bad(number, "a parenthesis that is not closed", line)
            self._zone.close()

    def _read_line(self, number: int, line: bytes, ending: bytes) -> None:
        star, plain = self._last_plain
        if plain:
            self._zone.last_owner = (_WILDCARD if star else b"") + compose(plain)
            self._last_plain = b"", b""
        try:
            record = self._zone.read_line(line)
            if record is None or record.rdatatype == "SOA":  # owners may mean other names now
                self._actions.clear()
                self._records.clear()
            if record is not None:
                self._apply(record, ending if self._zone.is_at_apex else b"")
        except ValueError as error:
            self._findings.add_bad(number, str(error), line)

    def _apply(self, record: ZoneRecord, ending: bytes) -> None:
        """Write what a record says, and keep it for lines with the same ending, if not empty."""
        if record.rdatatype in _NO_TRIGGERS or record.owner == names.ROOT:
            if record.rdatatype not in {"SOA", "NS"}:
                self._findings.pass_over("a record that is no trigger")
            return
        owner = self._owner(record.owner)
        if owner is None:
            return
        if record.rdatatype == "CNAME" and len(record.fields) == 1:
            target = self._zone.absolute(record.fields[0])
            if target == _TCP_ONLY:
                self._findings.pass_over("the action rpz-tcp-only")
                return
            if action := ALLOW if target == record.owner else _ACTIONS.get(target):
                self._findings.add(owner, action)
                if ending and target != record.owner and len(self._actions) < _MAX_ENDINGS:
                    self._actions[ending] = (
                        self._findings.names[RuleType(Kind.EXACT, action)],
                        self._findings.names[RuleType(Kind.BELOW, action)],
                    )
                return
        try:
            rdatatype, rdata = parse_rdata(record.rdatatype, record.fields, self._zone.absolute)
        except KeyError:
            self._data.add_without_data(owner)
            return
        data = rdatatype, record.ttl, rdata
        self._data.add(owner, data)
        if ending and len(self._records) < _MAX_ENDINGS:
            self._records[ending] = data

    def _owner(self, name: bytes) -> Owner | None:
        last_label = name[names.label_offsets(name)[-1] :]
        if last_label in _OTHER_TRIGGERS:
            self._findings.pass_over(_OTHER_TRIGGERS[last_label])
            return None
        if last_label == _RPZ_IP:
            return _parse_address(names.to_text(name).split(".")[:-1])
        if name.startswith(_WILDCARD):
            return Kind.BELOW, name[len(_WILDCARD) :]
        return Kind.EXACT, name


def _parse_address(labels: list[str]) -> Prefix:
    """Return the prefix of `LENGTH.WORDS`, words in reverse, `zz` for the zeros of IPv6."""
    length, *words = labels or ["", ""]
    words.reverse()
    if len(words) == 4 and all(word.isdecimal() for word in words):
        return parse_prefix(".".join(words), length)
    text = ":".join("" if word == "zz" else word for word in words)
    if words[:1] == ["zz"]:
        text = ":" + text
    if words[-1:] == ["zz"]:
        text += ":"
    return parse_prefix(text, length)
