"""One publisher's list in six formats: the same verdicts, as far as each format can say it."""

import random
from collections.abc import Mapping
from functools import cache

from dnsguard.core import names
from dnsguard.core.image import Group, Image, build_image
from dnsguard.lists.formats import parse
from dnsguard.lists.rules import Parsed
from tests.support.data import needs_shared, read_shared

FOLDER = "lists/sameset-hagezi-light"
BY_SUFFIX = ("adblock", "dnsmasq", "unbound", "wildcard")
FORMATS = (*BY_SUFFIX, "domains", "hosts")
FILES = {name: f"{FOLDER}/light.{name}.txt.xz" for name in FORMATS}
DRAWN = 3000


@cache
def lists() -> dict[str, Parsed]:
    return {name: parse(read_shared(path)) for name, path in FILES.items()}


def entries(name: str) -> Mapping[bytes, None]:
    (found,) = lists()[name].names.values()
    return found


def is_covered(name: bytes, listed: Mapping[bytes, None]) -> bool:
    return any(suffix in listed for suffix in names.suffixes(name))


def questions(listed: Mapping[str, Mapping[bytes, None]]) -> set[bytes]:
    """Draw entries of all files, with a subdomain, the parent and two near misses of each."""
    drawn = random.Random(3).sample(sorted(set().union(*listed.values())), DRAWN)
    drawn += [name for name in listed["domains"] if not is_covered(name, listed["adblock"])]
    asked = set()
    for name in drawn:
        asked |= {name, b"\x03sub" + name, name[1 + name[0] :]}
        if name[0] < 63 and len(name) < 255:
            asked |= {bytes([name[0] + 1]) + b"x" + name[1:], name[:-1] + b"\x04test\x00"}
    return {name for name in asked if len(name) <= names.MAX_NAME} - {names.ROOT}


@needs_shared(*FILES.values())
def test_the_same_set_in_six_formats_gives_the_same_verdicts() -> None:
    image = Image(
        build_image(
            (
                Group(number, rule_type.kind, found)
                for number, name in enumerate(FORMATS)
                for rule_type, found in lists()[name].names.items()
            ),
            seed=1,
        )
    )
    listed = {name: entries(name) for name in FORMATS}
    asked = questions(listed)
    kinds_of_difference = set()
    for name in asked:
        blocking = {FORMATS[match.list_id] for match in image.find(name)}
        by_suffix = blocking.intersection(BY_SUFFIX)
        # All four match a name and what is below it, and hold the same entries.
        assert by_suffix in (set(), set(BY_SUFFIX))
        # The domains file also has what the publisher leaves out of those four.
        own_entry = is_covered(name, listed["domains"]) and not is_covered(name, listed["adblock"])
        assert ("domains" in blocking) == (bool(by_suffix) or own_entry)
        # Hosts files block no more than the names that they hold, the same as the domains file's.
        assert ("hosts" in blocking) == (name in listed["domains"])
        kinds_of_difference.add((bool(by_suffix), "domains" in blocking, "hosts" in blocking))
    assert kinds_of_difference == {
        (True, True, True),
        (True, True, False),  # below an entry, itself none
        (False, True, True),  # an entry of the domains and the hosts file only
        (False, True, False),  # below such an entry
        (False, False, False),
    }


@needs_shared(*FILES.values())
def test_the_files_hold_the_same_entries() -> None:
    listed = {name: entries(name) for name in FORMATS}
    assert not any(parsed.bad for parsed in lists().values())
    for name in BY_SUFFIX:
        assert listed[name] == listed["adblock"]
    assert listed["domains"] == listed["hosts"]
    assert all(is_covered(name, listed["domains"]) for name in listed["adblock"])
    left_out = [name for name in listed["domains"] if not is_covered(name, listed["adblock"])]
    assert len(left_out) < len(listed["domains"]) // 1000
