"""From the texts of lists to one image of their rules: examine, judge by what was before, build.

What is asked and what is answered are plain documents, for the work is done in a process of
its own (`compiler`); `dnsguard check` does it where it is.
"""

import hashlib
import os
import secrets
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal, TypedDict

from dnsguard.core import image, networks
from dnsguard.core.image import Group, build_image
from dnsguard.core.networks import NetworkGroup, build_networks
from dnsguard.lists import bundled, public_suffixes
from dnsguard.lists.errors import ListError, Reason, Refused
from dnsguard.lists.generations import GenerationStore
from dnsguard.lists.records import ListGeneration
from dnsguard.lists.rules import Action
from dnsguard.lists.versions import Version, check_change, difference, examine


class TextDocument(TypedDict):
    """A text to try: that in a file in memory, or else a kept generation of the list."""

    descriptor: int | None
    generation: int | None
    guarded: bool
    """Whether it may not shrink or grow over the limits."""


class ListJob(TypedDict):
    """A list, the texts to try in order, and its limits: octets, and percent of `before`.

    `before` is the number of the generation in force, None when there is none.
    """

    name: str
    format: str
    match: str | None
    max_size: int
    max_shrink: int
    max_growth: int
    texts: list[TextDocument]
    before: int | None


class Job(TypedDict):
    """Lists to compile; `image` is the descriptor of the file that takes the image."""

    kept: str
    """The folder of the kept generations."""
    never_block: list[str]
    lists: list[ListJob]
    image: int


class PartDocument(TypedDict):
    """Rules of a list that do the same; in the image they have the part's number."""

    effect: int
    answer: str
    records: list[tuple[int, int, str]]


class VersionDocument(TypedDict):
    """A version that is in an image; `names` and `addresses` are counts."""

    sha256: str
    size: int
    format: str
    names: int
    addresses: int
    dropped: dict[str, int]
    passed_over: dict[str, int]
    notes: list[str]
    parts: list[PartDocument]


class DifferenceDocument(TypedDict):
    """What a version has that the one before has not, and the other way round."""

    added: int
    removed: int
    added_sample: list[str]
    removed_sample: list[str]


class FailureDocument(TypedDict):
    """Why a text was not taken; `reason` is empty when it could not even be had."""

    reason: Reason | Literal[""]
    message: str
    difference: "DifferenceDocument | None"
    """What would have changed, if that is why."""


class ListOutcome(TypedDict):
    """What became of a list: the text that was taken, if any, and why those before were not."""

    name: str
    taken: int | None
    failures: list[FailureDocument]
    version: VersionDocument | None
    difference: DifferenceDocument | None


def compile_lists(job: Job) -> list[ListOutcome]:
    """Write the image of a job's lists and return what became of each.

    A list without a usable text is left out. Raises ValueError when no image can be built,
    OSError when it cannot be written.
    """
    store = GenerationStore(Path(job["kept"]))
    never_block = [bytes.fromhex(name) for name in job["never_block"]]
    outcomes = []
    groups: list[Group] = []
    network_groups: list[NetworkGroup] = []
    parts = 0
    for wanted in job["lists"]:
        outcome, version = _choose(wanted, store, never_block)
        outcomes.append(outcome)
        if version is None or outcome["version"] is None:
            continue
        actions = _actions(version)
        outcome["version"]["parts"] = [_part(action) for action in actions]
        groups += [
            Group(parts + actions.index(kind.action), kind.kind, found)
            for kind, found in version.names.items()
        ]
        network_groups += [
            NetworkGroup(parts + actions.index(action), listed)
            for action, listed in version.addresses.items()
        ]
        parts += len(actions)
    built = build_image(groups, seed=secrets.randbits(64)) + build_networks(network_groups)
    with os.fdopen(job["image"], "wb", closefd=False) as file:
        file.write(built)
    return outcomes


def screening(never_block: Sequence[bytes]) -> str:
    """Identify what makes the same text another version: the program and what it guards."""
    guarded = b"".join(sorted(never_block))
    return hashlib.sha256(_program() + guarded).hexdigest()


@cache
def _program() -> bytes:
    found = hashlib.sha256(image.MAGIC + networks.MAGIC)
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        found.update(source.read_bytes())
    for file in bundled.guard_files():
        found.update(file.read_bytes())
    found.update(public_suffixes.text().encode())
    return found.digest()


def _choose(
    wanted: ListJob, store: GenerationStore, never_block: Sequence[bytes]
) -> tuple[ListOutcome, Version | None]:
    outcome: ListOutcome = {
        "name": wanted["name"],
        "taken": None,
        "failures": [],
        "version": None,
        "difference": None,
    }
    kept = {found.number: found for found in store.record(wanted["name"]).generations}
    before = kept.get(wanted["before"] or 0)

    def examined(text: TextDocument) -> Version:
        if text["descriptor"] is not None:
            data = _read(text["descriptor"])
        elif text["generation"] in kept:
            data = store.read(wanted["name"], kept[text["generation"]], wanted["max_size"])
        else:
            raise ListError(f"generation {text['generation']} is no longer kept")
        return examine(
            data,
            format=wanted["format"],
            match=wanted["match"],
            never_block=never_block,
            max_size=wanted["max_size"],
        )

    def compared(version: Version) -> DifferenceDocument | None:
        if before is None or before.sha256 == version.sha256:
            return None
        try:
            return _compare(examined(_kept(before.number)), version)
        except ListError:  # one that cannot be read compares with nothing
            return None

    for number, text in enumerate(wanted["texts"]):
        version = None
        try:
            version = examined(text)
            if text["guarded"] and before is not None:
                _check_change(wanted, before, version)
        except ListError as error:
            outcome["failures"].append(
                {
                    "reason": error.reason if isinstance(error, Refused) else "",
                    "message": str(error),
                    "difference": compared(version) if version else None,
                }
            )
            continue
        outcome["taken"] = number
        outcome["version"] = _describe(version)
        outcome["difference"] = compared(version)
        return outcome, version
    return outcome, None


def _kept(generation: int) -> TextDocument:
    return {"descriptor": None, "generation": generation, "guarded": False}


def _read(descriptor: int) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return file.read()


def _check_change(wanted: ListJob, before: ListGeneration, version: Version) -> None:
    check_change(
        version.name_count + version.address_count,
        # Of a generation that was found without its record the counts are not known.
        before.names + before.addresses or None,
        max_shrink=wanted["max_shrink"],
        max_growth=wanted["max_growth"],
    )


def _compare(before: Version, after: Version) -> DifferenceDocument:
    found = difference(before, after)
    return {
        "added": found.added,
        "removed": found.removed,
        "added_sample": list(found.added_sample),
        "removed_sample": list(found.removed_sample),
    }


def _describe(version: Version) -> VersionDocument:
    return {
        "sha256": version.sha256,
        "size": version.size,
        "format": version.format,
        "names": version.name_count,
        "addresses": version.address_count,
        "dropped": dict(version.dropped),
        "passed_over": dict(version.passed_over),
        "notes": list(version.notes),
        "parts": [],
    }


def _actions(version: Version) -> list[Action]:
    """Return what the rules for names and for addresses do, each action once."""
    return list(dict.fromkeys([*(found.action for found in version.names), *version.addresses]))


def _part(action: Action) -> PartDocument:
    return {
        "effect": action.effect,
        "answer": action.answer,
        "records": [(number, ttl, rdata.hex()) for number, ttl, rdata in action.records],
    }
