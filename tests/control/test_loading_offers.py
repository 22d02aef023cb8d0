"""Versions that were fetched, offered for a list: taken, or refused and nothing changes."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from dnsguard.control.loading import OfferRefused, Shelf, discard, load_lists
from dnsguard.lists.compile import Job, ListOutcome
from dnsguard.lists.errors import ListError
from dnsguard.lists.generations import GenerationStore
from tests.support.descriptors import open_descriptors
from tests.support.list_setting import NAMES, URL, ListSetting, blocking, find


@pytest.fixture
def setting(tmp_path: Path) -> ListSetting:
    return ListSetting(tmp_path)


def test_an_offer_that_is_taken_is_accepted_with_what_is_known_of_it(setting: ListSetting) -> None:
    setting.adopt()
    offer = setting.offer(NAMES)
    lists = setting.load(offer)
    (accepted,) = lists.accepted
    assert (accepted.name, accepted.source, accepted.settings.keep) == ("partner", URL, 3)
    assert (accepted.signature, accepted.next_try) == ("timestamp:1", 99.0)
    assert accepted.validators == offer.validators
    assert accepted.compiled.version["names"] == 10
    assert accepted.difference is None
    os.close(offer.descriptor)
    assert os.pread(accepted.descriptor, 1000, 0) == NAMES
    assert blocking(lists, "name3.example") == {"partner"}
    discard(lists, None)


def test_a_later_offer_says_what_is_new(setting: ListSetting) -> None:
    first = setting.offer(NAMES)
    setting.adopt(first)
    second = setting.offer(NAMES + b"new.example\n")
    lists = setting.load(second)
    (accepted,) = lists.accepted
    assert accepted.difference is not None
    assert (accepted.difference["added"], accepted.difference["removed"]) == (1, 0)
    discard(lists, None)
    os.close(first.descriptor)
    os.close(second.descriptor)


def test_an_offer_that_is_refused_says_why_and_leaves_nothing_open(setting: ListSetting) -> None:
    first, empty = setting.offer(NAMES), setting.offer(b"")
    small = setting.offer(b"name0.example\n")
    setting.adopt(first)
    before = open_descriptors()
    with pytest.raises(OfferRefused) as caught:
        setting.load(empty)
    assert (caught.value.reason, caught.value.difference) == ("empty", None)
    with pytest.raises(OfferRefused) as caught:
        setting.load(small)
    assert caught.value.reason == "shrink"
    assert caught.value.difference is not None
    assert caught.value.difference["removed"] == 9
    assert open_descriptors() == before


def test_a_file_that_is_as_it_was_is_not_new_because_another_list_is(setting: ListSetting) -> None:
    setting.adopt()
    offer = setting.offer(NAMES)
    lists = setting.load(offer)
    os.close(offer.descriptor)
    assert [accepted.name for accepted in lists.accepted] == ["partner"]
    assert find(lists, "own").problem is None
    discard(lists, None)


def test_an_offer_that_cannot_be_had_any_more_is_no_refusal(setting: ListSetting) -> None:
    async def lost(job: Job, _: Sequence[int]) -> list[ListOutcome]:
        return [
            {
                "name": each["name"],
                "taken": None,
                "failures": [{"reason": "", "message": "it is gone", "difference": None}],
                "version": None,
                "difference": None,
            }
            for each in job["lists"]
        ]

    offer = setting.offer(NAMES)
    shelf = Shelf(GenerationStore(setting.folder), lost)
    offers = {"partner": offer}
    with pytest.raises(ListError, match="it is gone") as caught:
        asyncio.run(load_lists(setting.config, (setting.source,), shelf, offers))
    assert not isinstance(caught.value, OfferRefused)
    os.close(offer.descriptor)
