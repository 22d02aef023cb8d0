"""Which texts a list may come from, in which order."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from dnsguard.config import Config, ListSource, Source, parse
from dnsguard.control.selection import (
    Offer,
    Selection,
    Text,
    kind_of,
    read_file,
    select,
    used_lists,
)
from dnsguard.lists import bundled
from dnsguard.lists.errors import ListError
from dnsguard.lists.generations import GenerationStore
from dnsguard.lists.records import Hold
from tests.support.compiling import text_file
from tests.support.list_store import generation

TEXT = b"example.org\n"
URL = "https://lists.example/tiktok.txt"
CONFIG = f"""\
upstreams: ["udp://192.0.2.53"]
groups:
  staff: {{subnets: [10.20.0.0/16]}}
lists:
  own: {{source: own.txt, max_size: 20B}}
  partner: {{source: ["{URL}", "https://mirror.example/"]}}
  bundle: {{source: "builtin:vpn"}}
  unused: {{source: unused.txt}}
policies:
  ban: {{groups: [staff], lists: ["builtin:tiktok", own]}}
  more: {{groups: [staff], lists: [partner, own, bundle]}}
"""


class Setting:
    """A config with a file, a fetched list and bundled ones, and what is kept of them."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "own.txt"
        self.file.write_bytes(TEXT)
        self.config: Config = parse([Source(str(folder / "dnsguard.yaml"), CONFIG)])
        self.store = GenerationStore(folder / "lists")

    def keep(self, name: str, *texts: bytes) -> None:
        for text in texts:
            self.store.accept(name, generation(), text, keep=10, validators={})

    def hold(self, name: str, number: int) -> None:
        self.store.hold(name, Hold(number, 1.0, "test", ""))

    def select(
        self,
        name: str,
        offer: Offer | None = None,
        stay: tuple[str, ...] = (),
        unwritten: Offer | None = None,
    ) -> Selection:
        offers = {} if offer is None else {name: offer}
        held = {} if unwritten is None else {name: unwritten}
        found = select(self.config, self.store, offers, stay, held)
        return next(each for each in found if each.name == name)


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path)


def generations(selection: Selection) -> list[int | None]:
    """Return the generation that each text is, None for what comes from elsewhere."""
    return [text.generation for text in selection.texts]


def hashes(selection: Selection) -> list[str]:
    return [text.sha256 for text in selection.texts]


def read(selection: Selection) -> bytes:
    """Return the text that a list is to come from."""
    opened = selection.texts[0].open()
    assert opened is not None
    with os.fdopen(opened, "rb") as file:
        file.seek(0)
        return file.read()


def sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def test_lists_are_those_that_policies_name_once_and_in_order(setting: Setting) -> None:
    assert list(used_lists(setting.config)) == ["builtin:tiktok", "own", "partner", "bundle"]
    found = select(setting.config, setting.store, {}, (), {})
    assert [(each.name, each.kind) for each in found] == [
        ("builtin:tiktok", "builtin"),
        ("own", "file"),
        ("partner", "url"),
        ("bundle", "builtin"),
    ]


@pytest.mark.parametrize(
    ("source", "kind"),
    [("builtin:vpn", "builtin"), ("/a/b", "file"), ("http://a/b", "url"), ("https://a", "url")],
)
def test_kinds(source: str, kind: str) -> None:
    assert kind_of(ListSource(source=(source,))) == kind


@pytest.mark.parametrize(("name", "bundle"), [("builtin:tiktok", "tiktok"), ("bundle", "vpn")])
def test_a_bundled_list_is_its_text_and_nothing_else(
    setting: Setting, name: str, bundle: str
) -> None:
    setting.keep("bundle", b"of an earlier config\n")
    found = setting.select(name)
    assert read(found) == bundled.text(bundle)
    assert hashes(found) == [sha256(bundled.text(bundle))]
    assert found.record.generations == ()


def test_a_file_is_read_and_what_is_kept_comes_behind(setting: Setting) -> None:
    assert generations(setting.select("own")) == [None]
    setting.keep("own", b"first\n", b"second\n")
    found = setting.select("own")
    assert generations(found) == [None, 2, 1]
    assert hashes(found) == [sha256(text) for text in (TEXT, b"second\n", b"first\n")]
    assert not any(text.guarded for text in found.texts)
    assert found.problem is None


def test_a_file_that_cannot_be_read_leaves_what_is_kept(setting: Setting) -> None:
    setting.file.unlink()
    never = setting.select("own")
    assert (never.texts, never.problem) == (
        [],
        "the file cannot be read (No such file or directory)",
    )
    setting.keep("own", b"first\n")
    found = setting.select("own")
    assert generations(found) == [1]
    assert found.problem == never.problem


def test_files_that_stay_are_not_read_but_for_those_that_nothing_is_kept_of(
    setting: Setting,
) -> None:
    assert read(setting.select("own", stay=("own",))) == TEXT
    setting.keep("own", b"first\n")
    assert generations(setting.select("own", stay=("own",))) == [1]
    assert read(setting.select("own", stay=("partner",))) == TEXT


def test_a_fetched_list_is_what_is_kept_of_it_newest_first(setting: Setting) -> None:
    assert setting.select("partner").texts == []
    assert setting.select("partner").problem is None
    setting.keep("partner", b"first\n", b"second\n", b"third\n")
    assert generations(setting.select("partner")) == [3, 2, 1]


@pytest.mark.parametrize("name", ["own", "partner"])
def test_a_rollback_holds_against_file_and_mirrors(setting: Setting, name: str) -> None:
    setting.keep(name, b"first\n", b"second\n", b"third\n")
    setting.hold(name, 2)
    found = setting.select(name)
    assert generations(found) == [2, 1]
    assert hashes(found) == [sha256(b"second\n"), sha256(b"first\n")]
    setting.store.release(name)
    assert generations(setting.select(name))[-3:] == [3, 2, 1]


def test_an_offer_is_the_only_text_and_guarded(setting: Setting) -> None:
    setting.keep("partner", b"first\n")
    descriptor = text_file(b"second\n")
    settings = used_lists(setting.config)["partner"]
    offer = Offer(settings, descriptor, sha256(b"second\n"), URL, {})
    found = setting.select("partner", offer)
    assert found.texts == [Text(offer.sha256, offer=offer, guarded=True)]
    assert found.record.current is not None
    assert read(found) == b"second\n"
    os.close(descriptor)  # what was read had a descriptor of its own


def test_what_is_in_force_and_not_kept_comes_before_what_is(setting: Setting) -> None:
    setting.keep("partner", b"first\n")
    settings = used_lists(setting.config)["partner"]
    unwritten = Offer(settings, -1, sha256(TEXT), URL, {})
    found = setting.select("partner", unwritten=unwritten)
    assert generations(found) == [None, 1]
    assert found.texts[0].offer is unwritten
    assert not found.texts[0].guarded
    assert not found.offered
    moved = replace(unwritten, settings=replaced(settings, source=("https://moved.example/",)))
    assert generations(setting.select("partner", unwritten=moved)) == [1]
    setting.hold("partner", 1)
    assert generations(setting.select("partner", unwritten=unwritten)) == [1]


def test_a_file_that_is_read_anew_comes_before_what_is_in_force(setting: Setting) -> None:
    settings = used_lists(setting.config)["own"]
    unwritten = Offer(settings, -1, sha256(b"in force\n"), "own.txt", {})
    anew = setting.select("own", unwritten=unwritten)
    assert hashes(anew) == [sha256(TEXT), unwritten.sha256]
    stays = setting.select("own", stay=("own",), unwritten=unwritten)
    assert hashes(stays) == [unwritten.sha256]
    setting.file.unlink()
    gone = setting.select("own", unwritten=unwritten)
    assert hashes(gone) == [unwritten.sha256]
    assert gone.problem is not None


def replaced(settings: ListSource, **facts: object) -> ListSource:
    return settings.model_copy(update=facts)


def test_what_is_to_be_kept(setting: Setting) -> None:
    assert setting.select("builtin:tiktok").is_kept
    assert setting.select("partner").is_kept
    assert not setting.select("own").is_kept
    setting.keep("own", b"first\n")
    assert not setting.select("own").is_kept
    setting.keep("own", TEXT)
    found = setting.select("own")
    assert found.is_kept
    assert not any(map(found.is_new, found.texts))
    setting.keep("partner", TEXT)
    settings = used_lists(setting.config)["partner"]
    assert not setting.select("partner", Offer(settings, -1, sha256(TEXT), URL, {})).is_kept


def test_what_is_kept_is_not_opened(setting: Setting) -> None:
    setting.keep("partner", b"first\n")
    assert setting.select("partner").texts[0].open() is None


def test_a_file_must_be_the_one_that_is_meant(setting: Setting) -> None:
    settings = used_lists(setting.config)["own"]
    pinned = replaced(settings, sha256=sha256(b"another\n"))
    config = setting.config.model_copy(update={"lists": {"own": pinned}})
    found = next(s for s in select(config, setting.store, {}, (), {}) if s.name == "own")
    assert (found.texts, found.refused) == ([], "hash")
    assert found.problem is not None
    key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
    signed = replaced(settings, public_key=key)
    config = setting.config.model_copy(update={"lists": {"own": signed}})
    found = next(s for s in select(config, setting.store, {}, (), {}) if s.name == "own")
    assert (found.texts, found.refused) == ([], "signature")
    assert "own.txt.minisig" in (found.problem or "")


def test_a_pipe_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/null")):
        with pytest.raises(ListError, match=r"regular file|Is a directory"):
            read_file(path, 100)


def test_a_file_has_a_size_and_must_be_one(setting: Setting) -> None:
    assert read_file(setting.file, len(TEXT)) == TEXT
    with pytest.raises(ListError, match=f"larger than {len(TEXT) - 1} octets: raise max_size"):
        read_file(setting.file, len(TEXT) - 1)
    with pytest.raises(ListError, match="Is a directory"):
        read_file(setting.file.parent, 100)
    setting.file.write_bytes(b"a.example\n" * 3)  # its max_size is 20
    assert "larger than 20 octets" in str(setting.select("own").problem)
