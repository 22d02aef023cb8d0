"""From texts to one image: which text of a list is taken, and what the image then says."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dnsguard.core import image as image_module
from dnsguard.core import networks as networks_module
from dnsguard.core.image import Image
from dnsguard.core.names import from_text
from dnsguard.core.networks import Networks
from dnsguard.core.view import Effect
from dnsguard.lists import compile as module
from dnsguard.lists.compile import Job, ListJob, ListOutcome, TextDocument, compile_lists, screening
from dnsguard.lists.generations import GenerationStore
from dnsguard.lists.versions import examine
from tests.support.compiling import text_file
from tests.support.list_store import generation

OLD = "".join(f"name{number}.example.org\n" for number in range(10))


class Workshop:
    """A store and an image file for jobs; `outcomes` and `image` are those of the last one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = GenerationStore(folder)
        self.never_block: list[str] = []
        self._open: list[int] = []
        self.image: Image
        self.networks: Networks

    def text(self, text: str | bytes, *, guarded: bool = False) -> TextDocument:
        """Return a text in memory."""
        octets = text.encode() if isinstance(text, str) else text
        self._open.append(text_file(octets))
        return {"descriptor": self._open[-1], "generation": None, "guarded": guarded}

    def keep(self, text: str, name: str = "own") -> int:
        """Keep a generation and return its number."""
        version = examine(text.encode())
        kept = replace(generation(), names=version.name_count, addresses=version.address_count)
        self.store.accept(name, kept, text.encode(), keep=10, validators={})
        return self.store.record(name).last_number

    def compile(self, *lists: ListJob) -> list[ListOutcome]:
        """Do a job; raises as `compile_lists`."""
        image = text_file(b"")
        self._open.append(image)
        job: Job = {
            "kept": str(self.folder),
            "never_block": [from_text(name).hex() for name in self.never_block],
            "lists": list(lists),
            "image": image,
        }
        outcomes = compile_lists(job)
        octets = os.pread(image, os.fstat(image).st_size, 0)
        self.image = Image(octets)
        self.networks = Networks(octets[self.image.end :])
        return outcomes

    def close(self) -> None:
        for descriptor in self._open:
            os.close(descriptor)


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path)
    yield made
    made.close()


def wanted(
    texts: Sequence[TextDocument], name: str = "own", before: int | None = None, **facts: Any
) -> ListJob:
    job: ListJob = {
        "name": name,
        "format": "auto",
        "match": None,
        "max_size": 1 << 20,
        "max_shrink": 30,
        "max_growth": 300,
        "texts": list(texts),
        "before": before,
    }
    return job | facts  # type: ignore[return-value]


def kept(number: int) -> TextDocument:
    return {"descriptor": None, "generation": number, "guarded": False}


def numbers(workshop: Workshop, name: str) -> set[int]:
    return {match.list_id for match in workshop.image.find(from_text(name))}


def at(workshop: Workshop, address: str) -> list[int]:
    return [match.list_id for match in workshop.networks.find(ip_address(address).packed)]


def test_the_first_text_that_can_be_used_is_taken(workshop: Workshop) -> None:
    texts = [
        workshop.text(""),
        workshop.text("<!DOCTYPE html><p>no"),
        workshop.text("example.org\n"),
        workshop.text("example.net\n"),
    ]
    (outcome,) = workshop.compile(wanted(texts))
    assert outcome["taken"] == 2
    assert [failure["reason"] for failure in outcome["failures"]] == ["empty", "html"]
    assert all(failure["message"] for failure in outcome["failures"])
    assert numbers(workshop, "example.org") == {0}
    assert numbers(workshop, "example.net") == set()


def test_what_is_known_of_the_version(workshop: Workshop) -> None:
    text = "||example.org^\n||com^\nexample.com##.banner\n" + "".join(
        f"||name{number}.example.net^\n" for number in range(200)
    )
    (outcome,) = workshop.compile(wanted([workshop.text(text)]))
    version = outcome["version"]
    assert version is not None
    assert version["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert (version["size"], version["format"]) == (len(text), "adblock")
    assert (version["names"], version["addresses"]) == (201, 0)
    assert sum(version["dropped"].values()) == 1
    assert sum(version["passed_over"].values()) == 1
    assert any("com" in note for note in version["notes"])


def test_a_list_without_a_usable_text_is_left_out_and_the_others_follow_on(
    workshop: Workshop,
) -> None:
    adblock = "||one.example^\n@@||www.one.example^\n"
    outcomes = workshop.compile(
        wanted([workshop.text(adblock)], "first", format="adblock"),
        wanted([workshop.text("")], "second"),
        wanted([], "third"),
        wanted([workshop.text("two.example\n")], "fourth"),
    )
    assert [outcome["name"] for outcome in outcomes] == ["first", "second", "third", "fourth"]
    assert [outcome["taken"] for outcome in outcomes] == [0, None, None, 0]
    assert [outcome["version"] is None for outcome in outcomes] == [False, True, True, False]
    assert numbers(workshop, "www.one.example") == {0, 1}
    assert numbers(workshop, "two.example") == {2}


def test_each_part_has_its_number_effect_and_answer(workshop: Workshop) -> None:
    zone = """\
$TTL 60
@ SOA localhost. root.localhost. 1 1h 15m 30d 2h
@ NS localhost.
n.example.org CNAME .
e.example.org CNAME *.
p.n.example.org CNAME rpz-passthru.
d.example.org CNAME rpz-drop.
w.example.org 5 A 192.0.2.1
"""
    (outcome,) = workshop.compile(wanted([workshop.text(zone)], format="rpz"))
    version = outcome["version"]
    assert version is not None

    def said(name: str) -> list[tuple[int, str]]:
        parts = [version["parts"][number] for number in sorted(numbers(workshop, name))]
        return [(part["effect"], part["answer"]) for part in parts]

    assert said("n.example.org") == [(Effect.BLOCK, "nxdomain")]
    assert said("e.example.org") == [(Effect.BLOCK, "nodata")]
    assert said("d.example.org") == [(Effect.BLOCK, "drop")]
    assert (Effect.ALLOW, "") in said("p.n.example.org")
    assert said("w.example.org") == [(Effect.BLOCK, "data")]
    [number] = numbers(workshop, "w.example.org")
    assert version["parts"][number]["records"] == [(1, 5, "c0000201")]


def test_rules_for_addresses_are_parts_like_those_for_names(workshop: Workshop) -> None:
    zone = """\
$TTL 60
@ SOA localhost. root.localhost. 1 1h 15m 30d 2h
@ NS localhost.
n.example.org CNAME .
24.0.2.0.192.rpz-ip CNAME .
32.7.2.0.192.rpz-ip CNAME rpz-passthru.
32.zz.db8.2001.rpz-ip CNAME *.
"""
    first, second, third = workshop.compile(
        wanted([workshop.text(zone)], "zone", format="rpz"),
        wanted([workshop.text("198.51.100.0/24\n192.0.2.0/25\n")], "networks", format="cidr"),
        wanted([workshop.text("example.net\n")], "names"),
    )
    counts = [
        (outcome["version"]["names"], outcome["version"]["addresses"])
        for outcome in (first, second, third)
        if outcome["version"]
    ]
    assert counts == [(1, 3), (0, 2), (1, 0)]
    assert first["version"] is not None
    said = [(part["effect"], part["answer"]) for part in first["version"]["parts"]]
    assert said == [(Effect.BLOCK, "nxdomain"), (Effect.ALLOW, ""), (Effect.BLOCK, "nodata")]
    assert numbers(workshop, "n.example.org") == {0}
    assert at(workshop, "192.0.2.7") == [1, 3, 0]
    assert at(workshop, "192.0.2.200") == [0]
    assert at(workshop, "2001:db8::1") == [2]
    assert at(workshop, "198.51.100.9") == [3]
    assert at(workshop, "203.0.113.1") == []
    assert numbers(workshop, "example.net") == {4}


def test_format_match_and_size_are_those_of_the_list(workshop: Workshop) -> None:
    text = workshop.text("example.org\n")
    workshop.compile(wanted([text], match="exact"))
    assert numbers(workshop, "www.example.org") == set()
    workshop.compile(wanted([text]))
    assert numbers(workshop, "www.example.org") == {0}
    (outcome,) = workshop.compile(wanted([text], format="cidr"))
    assert outcome["failures"][0]["reason"] == "bad-lines"
    (outcome,) = workshop.compile(wanted([text], max_size=5))
    assert outcome["failures"][0]["reason"] == "size"


def test_what_is_never_blocked_is_screened(workshop: Workshop) -> None:
    workshop.never_block = ["city.example"]
    lines = "".join(f"n{number}.example\n" for number in range(200))
    (outcome,) = workshop.compile(wanted([workshop.text("www.city.example\n" + lines)]))
    assert outcome["version"] is not None
    assert sum(outcome["version"]["dropped"].values()) == 1
    assert numbers(workshop, "www.city.example") == set()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name0.example.org\n", "shrink"),
        (OLD + "".join(f"m{n}.test\n" for n in range(31)), "growth"),
    ],
)
def test_a_guarded_text_may_not_change_too_much(workshop: Workshop, text: str, reason: str) -> None:
    before = workshop.keep(OLD)
    guarded = [workshop.text(text, guarded=True), kept(before)]
    (outcome,) = workshop.compile(wanted(guarded, before=before))
    assert outcome["taken"] == 1
    assert [failure["reason"] for failure in outcome["failures"]] == [reason]
    change = outcome["failures"][0]["difference"]
    assert change is not None
    assert (change["added"], change["removed"]) == ((0, 9) if reason == "shrink" else (31, 0))
    assert outcome["difference"] is None
    (outcome,) = workshop.compile(wanted([workshop.text(text)], before=before))
    assert outcome["taken"] == 0


def test_limits_are_those_of_the_list_and_the_first_version_has_none(workshop: Workshop) -> None:
    text = workshop.text("name0.example.org\n", guarded=True)
    (outcome,) = workshop.compile(wanted([text]))
    assert outcome["taken"] == 0
    before = workshop.keep(OLD)
    (outcome,) = workshop.compile(wanted([text], before=before, max_shrink=90))
    assert outcome["taken"] == 0
    (outcome,) = workshop.compile(wanted([text], before=before, max_shrink=89))
    assert outcome["taken"] is None


def test_the_difference_is_to_the_one_in_force(workshop: Workshop) -> None:
    workshop.keep("unrelated.example\n")
    before = workshop.keep(OLD)
    text = workshop.text(OLD.replace("name3.", "new."))
    (outcome,) = workshop.compile(wanted([text], before=before))
    assert outcome["difference"] == {
        "added": 1,
        "removed": 1,
        "added_sample": ["new.example.org"],
        "removed_sample": ["name3.example.org"],
    }
    (outcome,) = workshop.compile(wanted([workshop.text(OLD)], before=before))
    assert outcome["difference"] is None


def test_a_generation_that_is_gone_or_damaged_is_passed_over(workshop: Workshop) -> None:
    first, second = workshop.keep(OLD), workshop.keep("second.example\n")
    damaged = workshop.folder / "own" / f"{second:06d}.zst"
    damaged.write_bytes(b"x" + damaged.read_bytes()[1:])
    texts = [kept(99), kept(second), kept(first)]
    (outcome,) = workshop.compile(wanted(texts, before=second))
    assert outcome["taken"] == 2
    assert [failure["reason"] for failure in outcome["failures"]] == ["", ""]
    assert "no longer kept" in outcome["failures"][0]["message"]
    assert "damaged" in outcome["failures"][1]["message"]
    assert outcome["difference"] is None  # there is nothing left to compare with
    assert numbers(workshop, "name0.example.org") == {0}


def test_a_generation_found_without_its_record_has_no_counts_to_guard_by(
    workshop: Workshop,
) -> None:
    before = workshop.keep(OLD)
    (workshop.folder / "own" / "record.json").unlink()
    text = workshop.text("name0.example.org\n", guarded=True)
    (outcome,) = workshop.compile(wanted([text], before=before))
    assert outcome["taken"] == 0
    assert outcome["difference"] is not None
    assert outcome["difference"]["removed"] == 9


def test_without_lists_there_is_an_image_all_the_same(workshop: Workshop) -> None:
    assert workshop.compile() == []
    assert numbers(workshop, "example.org") == set()


def test_an_image_that_cannot_be_written_is_an_error(workshop: Workshop) -> None:
    read_only = os.open("/dev/null", os.O_RDONLY)
    try:
        with pytest.raises(OSError, match="Bad file descriptor"):
            compile_lists(
                {"kept": str(workshop.folder), "never_block": [], "lists": [], "image": read_only}
            )
    finally:
        os.close(read_only)


@pytest.mark.parametrize("part", [image_module, networks_module])
def test_screening_tells_guards_and_programs_apart(
    part: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = from_text("a.example"), from_text("b.example")
    assert screening([one, two]) == screening([two, one])
    assert len({screening([]), screening([one]), screening([two]), screening([one, two])}) == 4
    before = screening([one])
    monkeypatch.setattr(part, "MAGIC", b"dnsgxxx0")
    module._program.cache_clear()
    try:
        assert screening([one]) != before
    finally:
        monkeypatch.undo()
        module._program.cache_clear()
    assert screening([one]) == before
