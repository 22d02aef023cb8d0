"""The lists of a config: which version of each is in force, and the image of them all.

What a list was compiled from is known by hash, so an image that has all that is wanted is
used as it is: a reload that changes no list compiles nothing, nor does a restart.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from dnsguard.config import Config, ConfigError, ListSource, Problem, Source
from dnsguard.config.load import read_documents
from dnsguard.control.compiling import anonymous_file
from dnsguard.control.selection import Kind, Offer, Selection, select
from dnsguard.lists.compile import (
    DifferenceDocument,
    Job,
    ListOutcome,
    screening,
)
from dnsguard.lists.compiled import Compiled, CompiledList, Key, seal
from dnsguard.lists.errors import ListError, Reason, Refused
from dnsguard.lists.generations import GenerationStore

NEVER = "it was never fetched, so it blocks nothing yet"
NO_EARLIER = "and there is no earlier version of it to fall back on"

Compiler = Callable[[Job, Sequence[int]], Awaitable[list[ListOutcome]]]
"""Does a job; it gets the descriptors that the job names. Raises CompileError."""


class OfferRefused(Refused):
    """A guard refused what was offered; `difference` is what would have changed, if known."""

    def __init__(self, reason: Reason, message: str, difference: DifferenceDocument | None) -> None:
        super().__init__(reason, message)
        self.difference = difference


@dataclass(frozen=True, slots=True)
class LoadedList:
    """A list that a policy uses; `compiled` is None while it has no usable version.

    `confirmed` is when a file was last read and found good, in epoch seconds; for a list that
    is fetched its record says. `problem` says why it is not what its source has now.
    """

    name: str
    kind: Kind
    settings: ListSource
    compiled: CompiledList | None
    confirmed: float | None
    problem: str | None = None
    refused: Reason | Literal[""] = ""
    """Why its source's version was refused, if it was."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A version that is to be kept; the caller closes `descriptor` when it is."""

    name: str
    source: str
    descriptor: int
    compiled: CompiledList
    difference: DifferenceDocument | None
    settings: ListSource
    validators: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    signature: str | None = None
    next_try: float | None = None


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists that the policies of a config use, and what an admin should know of them."""

    loaded: tuple[LoadedList, ...]
    compiled: Compiled
    accepted: tuple[Accepted, ...] = ()
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where lists come from beside their sources: what is kept, and what is in force."""

    store: GenerationStore
    compiler: Compiler
    compiled: Compiled | None = None
    stay: Mapping[str, LoadedList] = field(default_factory=dict)
    """The lists in force whose files are not to be read anew."""
    unwritten: Mapping[str, Offer] = field(default_factory=dict)
    """The versions in force that are not kept."""


async def load_lists(
    config: Config,
    sources: tuple[Source, ...],
    shelf: Shelf,
    offers: Mapping[str, Offer] | None = None,
) -> Lists:
    """Load every list that a policy names.

    Raises ConfigError when a local list has no usable version, ListError when an offer is
    refused, CompileError when nothing can be compiled. What is returned holds descriptors.
    """
    selections = await asyncio.to_thread(
        select, config, shelf.store, offers or {}, shelf.stay, shelf.unwritten
    )
    keys = _keys(config, selections)
    outcomes: dict[str, ListOutcome] = {}
    accepted: tuple[Accepted, ...] = ()
    kept = all(each.is_kept for each in selections)
    if shelf.compiled is not None and kept and _covers(shelf.compiled, keys):
        compiled = shelf.compiled
    else:
        compiled, found, accepted = await _compile(config, selections, keys, shelf)
        outcomes = {outcome["name"]: outcome for outcome in found}
    loaded = tuple(_loaded(each, compiled, outcomes.get(each.name), shelf) for each in selections)
    place = read_documents(sources).place
    warnings, problems = [], []
    for each in loaded:
        where = place(("lists", each.name, "source"))
        if each.compiled is None and each.kind != "url":
            text = f"{each.problem}; {NO_EARLIER}"
            problems.append(Problem(f"lists.{each.name}.source", text, where.file, where.line))
        notes = [each.problem] if each.problem else []
        notes += [NEVER] if each.compiled is None and each.kind == "url" else []
        notes += each.compiled.version["notes"] if each.compiled else []
        warnings += [Problem(f"lists.{each.name}", note, where.file, where.line) for note in notes]
    lists = Lists(loaded, compiled, accepted, tuple(warnings))
    if problems:
        discard(lists, shelf.compiled)
        raise ConfigError(problems)
    return lists


def close(accepted: Sequence[Accepted]) -> None:
    """Give the texts of versions up."""
    for each in accepted:
        os.close(each.descriptor)


def discard(lists: Lists, in_force: Compiled | None) -> None:
    """Give up what loaded lists hold, but for the image in force."""
    close(lists.accepted)
    if lists.compiled is not in_force:
        lists.compiled.close()


def _keys(config: Config, selections: Sequence[Selection]) -> dict[str, list[Key]]:
    screened = screening(config.never_block)
    return {
        each.name: [
            Key(text.sha256, each.settings.format, each.settings.match, screened)
            for text in each.texts
        ]
        for each in selections
    }


def _covers(compiled: Compiled, keys: Mapping[str, Sequence[Key]]) -> bool:
    """Tell whether an image has the wanted version of every list that has any."""
    there = compiled.lists
    return all(
        name in there and there[name].key == wanted[0] for name, wanted in keys.items() if wanted
    )


async def _compile(
    config: Config, selections: Sequence[Selection], keys: Mapping[str, list[Key]], shelf: Shelf
) -> tuple[Compiled, list[ListOutcome], tuple[Accepted, ...]]:
    """Return a new image, what became of each list, and the versions that are new in it."""
    texts: dict[tuple[str, int], int] = {}
    image = anonymous_file("lists")
    try:
        for each in selections:
            for number, text in enumerate(each.texts):
                descriptor = await asyncio.to_thread(text.open)
                if descriptor is not None:
                    texts[each.name, number] = descriptor
        job = _job(config, selections, texts, shelf.store, image)
        outcomes = await shelf.compiler(job, list(texts.values()))
        seal(image)
        compiled = Compiled(image, _catalogue(outcomes, keys))
        accepted = _accepted(selections, outcomes, compiled, texts)
    except BaseException:
        os.close(image)
        raise
    finally:
        for descriptor in texts.values():
            os.close(descriptor)
    return compiled, outcomes, accepted


def _job(
    config: Config,
    selections: Sequence[Selection],
    texts: Mapping[tuple[str, int], int],
    store: GenerationStore,
    image: int,
) -> Job:
    job: Job = {
        "kept": str(store.folder),
        "never_block": [name.hex() for name in config.never_block],
        "lists": [],
        "image": image,
    }
    for each in selections:
        settings, current = each.settings, each.record.current
        job["lists"].append(
            {
                "name": each.name,
                "format": settings.format,
                "match": settings.match,
                "max_size": settings.max_size,
                "max_shrink": settings.max_shrink,
                "max_growth": settings.max_growth,
                "texts": [
                    {
                        "descriptor": texts.get((each.name, number)),
                        "generation": text.generation,
                        "guarded": text.guarded,
                    }
                    for number, text in enumerate(each.texts)
                ],
                "before": current.number if current else None,
            }
        )
    return job


def _catalogue(
    outcomes: Sequence[ListOutcome], keys: Mapping[str, Sequence[Key]]
) -> dict[str, CompiledList]:
    lists = {}
    first = 0
    for outcome in outcomes:
        version, taken = outcome["version"], outcome["taken"]
        if version is not None and taken is not None:
            key = keys[outcome["name"]][taken]
            lists[outcome["name"]] = CompiledList(key, first, version)
            first += len(version["parts"])
    return lists


def _accepted(
    selections: Sequence[Selection],
    outcomes: Sequence[ListOutcome],
    compiled: Compiled,
    texts: dict[tuple[str, int], int],
) -> tuple[Accepted, ...]:
    """Return the versions to keep; their descriptors are taken out of `texts`.

    Raises ListError when what was offered is refused.
    """
    chosen = list(zip(selections, outcomes, strict=True))
    for each, outcome in chosen:
        if each.offered and outcome["version"] is None:
            failure = outcome["failures"][0]
            if failure["reason"]:
                raise OfferRefused(failure["reason"], failure["message"], failure["difference"])
            raise ListError(failure["message"])
    accepted = []
    for each, outcome in chosen:
        taken = outcome["taken"]
        if taken is None or not each.is_new(each.texts[taken]):
            continue
        offer = each.texts[taken].offer
        accepted.append(
            Accepted(
                each.name,
                offer.source if offer else each.settings.source[0],
                texts.pop((each.name, taken)),
                compiled.lists[each.name],
                outcome["difference"],
                each.settings,
                offer.validators if offer else {},
                offer.signature if offer else None,
                offer.next_try if offer else None,
            )
        )
    return tuple(accepted)


def _loaded(
    selection: Selection, compiled: Compiled, outcome: ListOutcome | None, shelf: Shelf
) -> LoadedList:
    name = selection.name
    found = compiled.lists.get(name) if selection.texts else None
    before = shelf.stay.get(name)
    if before is not None and selection.kind == "file" and found is not None:
        return replace(before, settings=selection.settings, compiled=found)
    problem, reason = selection.problem, selection.refused
    if outcome is not None and outcome["failures"]:
        failure = outcome["failures"][0]
        problem, reason = failure["message"], failure["reason"]
    if problem and found:
        problem += "; its last good version goes on serving"
    confirmed = selection.record.confirmed if problem else time.time()
    return LoadedList(name, selection.kind, selection.settings, found, confirmed, problem, reason)
