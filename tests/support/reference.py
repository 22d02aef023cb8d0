"""The section "Matching" of the design in plain sets and strings: what policies must decide.

Written from the text of the design and kept apart from dnsguard's code, slow and obvious.
"""

from collections.abc import Iterable
from typing import NamedTuple

from dnsguard.core.view import Stage
from tests.support.generations import Ban, Setup


class Decision(NamedTuple):
    """Who blocks a name, or would have, and by which list; empty when nobody does."""

    policy: str = ""
    list: str = ""
    shadow: str = ""


def specificity(entry: str, qname: str) -> int:
    """Return how many labels of a name an entry determines, 0 when it does not match."""
    labels = qname.split(".")
    if entry.startswith("="):
        return len(labels) if qname == entry[1:] else 0
    if entry.startswith("."):
        wanted = entry[1:].split(".")
        return len(wanted) if labels[1:][-len(wanted) :] == wanted else 0
    if entry.endswith(".*"):
        wanted = entry[2:-2].split(".")
        for start in range(len(labels) - len(wanted) + 1):
            if labels[start : start + len(wanted)] == wanted:
                return len(labels) - start
        return 0
    wanted = entry.removeprefix("*.").split(".")
    return len(wanted) if labels[-len(wanted) :] == wanted else 0


def decide(setup: Setup, group: str, qname: str) -> Decision:
    """Return what a group's policies decide of a queried name."""
    bans = {
        name: ban
        for name, ban in setup.policies.items()
        if ban.groups is None or group in ban.groups
    }
    for entry, answer in setup.off_switches.items():
        if specificity(entry, qname):
            for name, ban in bans.items():
                if ban.stage == Stage.ENFORCE and ban.off_switches:
                    return Decision(name, f"off-switches-{answer}")
    if _best(setup.never_block, qname):
        return Decision()
    exempt = _best(setup.dnsbl_zones, qname) > 0
    shadow = ""
    for name, ban in bans.items():
        blocking = "" if ban.stage == Stage.OFF else _blocking_list(setup, name, ban, qname, exempt)
        if blocking and ban.stage == Stage.ENFORCE:
            return Decision(name, blocking, shadow)
        if blocking:
            shadow = shadow or name
    return Decision(shadow=shadow)


def _blocking_list(setup: Setup, name: str, ban: Ban, qname: str, exempt: bool) -> str:
    chosen = setup.lists if ban.lists is None else ban.lists
    entries = {known: setup.lists[known] for known in setup.lists if known in chosen}
    blocks = {
        known: _blocked_labels(lines, qname, exempt)
        for known, lines in {**entries, f"{name}:block": ban.block}.items()
    }
    most = max(blocks.values())
    if most == 0 or _best(ban.allow, qname, exempt) >= most:
        return ""
    return next(known for known, labels in blocks.items() if labels == most)


def _blocked_labels(entries: Iterable[str], qname: str, exempt: bool) -> int:
    """Return how specific a list blocks a name; 0 when it does not, or frees it itself."""
    matching = [
        ("!!" in mark, labels, mark.startswith("@@"))
        for mark, name in map(_split_mark, entries)
        if (labels := _best([name], qname, exempt))
    ]
    if not matching or max(matching)[2]:
        return 0
    return max(labels for _, labels, frees in matching if not frees)


def _split_mark(entry: str) -> tuple[str, str]:
    name = entry.partition(" ")[0].lstrip("@!")
    return entry[: entry.index(name)], name


def _best(entries: Iterable[str], qname: str, exempt: bool = False) -> int:
    return max(
        (specificity(e, qname) for e in entries if not (exempt and e.endswith(".*"))), default=0
    )
