"""Unbound's `local-zone:` and `local-data:` (unbound.conf(5)).

A zone that answers by itself is a suffix rule, one that resolves normally an exception. Data
of a name is what is answered for it, and for all below it where its zone is redirected.
"""

import re
from collections import defaultdict
from itertools import chain

from dnsguard.core import names
from dnsguard.core.image import Kind
from dnsguard.core.view import Effect
from dnsguard.lists.formats.detection import without_comment
from dnsguard.lists.formats.entry import MAX_PLAIN, compose, parse_name
from dnsguard.lists.formats.findings import Findings
from dnsguard.lists.formats.lines import PLAIN_NAME, decode, find_lines, plain_lines
from dnsguard.lists.formats.local_data import DEFAULT_TTL, LocalData, Record, is_sinkhole
from dnsguard.lists.formats.rdata import parse_rdata
from dnsguard.lists.rules import ALLOW, BLOCK, Action, RuleType

_LINES = plain_lines(
    rb'[ \t]*+local-(?:zone:[ \t]*+"(' + PLAIN_NAME + rb')\.?+"[ \t]++([a-z_]++)'
    rb'|data:[ \t]*+"(' + PLAIN_NAME + rb")\.?+[ \t]++(?:[0-9]{1,10}+[ \t]++)?+(?:IN[ \t]++)?+"
    rb'(?:A[ \t]++(?:0\.0\.0\.0|127\.0\.0\.1)|AAAA[ \t]++::1?+)")'
)
_ZONE = re.compile(r"""local-zone:\s*+["']?([^\s"']++)["']?\s*+["']?([a-z_]++)["']?""").fullmatch
_DATA = re.compile(r"""local-data:\s*+(?:"([^"]++)"|'([^']++)')""").fullmatch
_STRING = re.compile(r"""("[^"]*+"|[^\s"]++)""")
_OPTION = re.compile(r"[a-z0-9-]++:.*+").fullmatch

_TYPES = {
    **dict.fromkeys(("static", "always_nxdomain"), Action(Effect.BLOCK, "nxdomain")),
    "always_nodata": Action(Effect.BLOCK, "nodata"),
    **dict.fromkeys(("deny", "inform_deny", "always_deny"), Action(Effect.BLOCK, "drop")),
    **dict.fromkeys(("refuse", "always_refuse", "always_null"), BLOCK),
    **dict.fromkeys(("redirect", "inform_redirect"), BLOCK),
    **dict.fromkeys(("transparent", "typetransparent", "always_transparent", "inform"), ALLOW),
}
_REDIRECTS = ("redirect", "inform_redirect")
_PASSED_OVER = {
    "nodefault": "a zone type that only turns a default off",
    "noview": "a zone type for views",
    "block_a": "a zone type for one type of record",
    "ipset": "a zone type that blocks nothing",
}
_SETTING = "a setting of the server"


def read(text: bytes, match: Kind | None, findings: Findings) -> None:
    """Read an Unbound configuration: suffix rules, unless the config says otherwise."""
    _Reader(match or Kind.SUFFIX, findings).read(text)


class _Reader:
    def __init__(self, kind: Kind, findings: Findings) -> None:
        self._kind = kind
        self._findings = findings
        self._zones: dict[str, dict[bytes, None]] = {zone_type: {} for zone_type in _TYPES}
        self._sinkholed: dict[bytes, None] = {}
        self._data: defaultdict[bytes, list[Record]] = defaultdict(list)

    def read(self, text: bytes) -> None:
        by_type = {zone_type.encode(): zones for zone_type, zones in self._zones.items()}
        lines = find_lines(_LINES, text)
        for number, (zone, zone_type, owner, line) in enumerate(lines, 1):
            if zone and zone_type in by_type and len(zone) <= MAX_PLAIN:
                by_type[zone_type][compose(zone)] = None
            elif owner and len(owner) <= MAX_PLAIN:
                self._sinkholed[compose(owner)] = None
            elif entry := (line.strip() or _rebuild(zone, zone_type, owner)):
                self._read_line(number, entry)
        self._write_data()
        for name, zones in self._zones.items():
            self._findings.add_names(RuleType(self._kind, _TYPES[name]), zones)

    def _read_line(self, number: int, line: bytes) -> None:
        if line.startswith(b"#"):
            return
        try:
            entry = without_comment(decode(line))
            if zone := _ZONE(entry):
                self._read_zone(*zone.groups())
            elif data := _DATA(entry):
                self._read_data(data[1] or data[2])
            elif _OPTION(entry):
                self._findings.pass_over(_SETTING)
            else:
                raise ValueError("not an option of Unbound")
        except ValueError as error:
            self._findings.add_bad(number, str(error), line)

    def _read_zone(self, zone: str, zone_type: str) -> None:
        if zone_type in _TYPES:
            self._zones[zone_type][_parse_name(zone)] = None
        elif zone_type in _PASSED_OVER:
            self._findings.pass_over(_PASSED_OVER[zone_type])
        else:
            raise ValueError("not a zone type of Unbound")

    def _read_data(self, text: str) -> None:
        fields = _STRING.findall(text)
        if not fields:
            raise ValueError("a record without an owner")
        owner = _parse_name(fields.pop(0))
        if fields and fields[0].isdecimal():
            fields.pop(0)
        if fields and fields[0].upper() == "IN":
            fields.pop(0)
        if not fields:
            raise ValueError("a record without a type")
        try:
            number, rdata = parse_rdata(fields[0].upper(), fields[1:], _parse_name)
        except KeyError:
            self._findings.pass_over("local data of other types")
            return
        if number in {1, 28} and is_sinkhole(rdata):
            self._sinkholed[owner] = None
        else:
            self._data[owner].append((number, DEFAULT_TTL, rdata))

    def _write_data(self) -> None:
        self._zones = {zone_type: zones for zone_type, zones in self._zones.items() if zones}
        answers = LocalData()
        sinkholed: dict[bytes, None] = {}
        replaced: list[tuple[str, bytes]] = []
        for owner in chain(self._sinkholed, self._data):
            zone_type = self._type_above(owner)
            is_zone = owner in self._zones.get(zone_type, ())
            redirected = zone_type in _REDIRECTS
            if zone_type.startswith("always_") or (redirected and not is_zone):
                continue  # such a zone has no regard for data
            for record in self._data.get(owner, ()):
                answers.add((self._kind if redirected else Kind.EXACT, owner), record)
            if _TYPES.get(zone_type, ALLOW) is ALLOW:
                if owner in self._sinkholed:
                    sinkholed[owner] = None
                if is_zone:
                    replaced.append((zone_type, owner))
            elif redirected and owner in self._data:
                replaced.append((zone_type, owner))
        answers.write(self._findings)  # before all else: data goes before what its zone says
        self._findings.add_names(RuleType(Kind.EXACT), sinkholed)
        self._replace(replaced)

    def _replace(self, replaced: list[tuple[str, bytes]]) -> None:
        """Take out zones whose own name has data; one that resolves still does so below it."""
        for zone_type, zone in replaced:
            self._zones[zone_type].pop(zone, None)
            if zone_type not in _REDIRECTS and self._kind == Kind.SUFFIX:
                self._findings.names[RuleType(Kind.BELOW, ALLOW)][zone] = None

    def _type_above(self, owner: bytes) -> str:
        for suffix in names.suffixes(owner):
            for zone_type, zones in self._zones.items():
                if suffix in zones:
                    return zone_type
        return ""


def _parse_name(text: str) -> bytes:
    return names.ROOT if text == "." else parse_name(text)


def _rebuild(zone: bytes, zone_type: bytes, owner: bytes) -> bytes:
    if zone:
        return b'local-zone: "%b" %b' % (zone, zone_type)
    return b'local-data: "%b A 0.0.0.0"' % owner if owner else b""
