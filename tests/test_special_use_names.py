"""docs/special-use-names.md lists what core/local.py answers, one by one."""

import re

from dnsguard.core.local import SPECIAL_ZONES
from dnsguard.core.names import to_text
from tests.support.data import CHECKOUT

ROW = re.compile(r"^\| (.*) \| (RFC .*) \|$", re.MULTILINE)
RANGE = re.compile(r"`(\d+)(\.\S+)` to `(\d+)\2`")


def documented() -> dict[str, str]:
    zones: dict[str, str] = {}
    text = (CHECKOUT / "docs" / "special-use-names.md").read_text("utf-8")
    for listed, reference in ROW.findall(text):
        ranged = RANGE.search(listed)
        if ranged:
            first, rest, last = ranged.groups()
            zones |= {f"{n}{rest}": reference for n in range(int(first), int(last) + 1)}
        else:
            zones |= dict.fromkeys(re.findall("`([^`]+)`", listed), reference)
    return zones


def test_the_page_lists_every_zone_and_no_other() -> None:
    assert documented() == {to_text(zone.apex): zone.reference for zone in SPECIAL_ZONES}
