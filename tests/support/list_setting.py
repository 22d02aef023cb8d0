"""A config with a file list, a fetched one and a bundled one, and what is kept of them."""

import hashlib
from pathlib import Path

from dnsguard.config import Source, parse
from dnsguard.control.list_records import ListRecords
from dnsguard.control.loading import Lists, LoadedList, close
from dnsguard.control.selection import Offer
from dnsguard.core.image import Image
from dnsguard.core.names import from_text
from dnsguard.lists.compiled import Compiled
from dnsguard.lists.generations import GenerationStore
from tests.support.compiling import image_of, load, text_file

URL = "https://lists.example/tiktok.txt"
CONFIG = f"""\
upstreams: ["udp://192.0.2.53"]
groups:
  staff: {{subnets: [10.20.0.0/16]}}
lists:
  own: {{source: own.txt}}
  partner: {{source: "{URL}", max_shrink: 10%, keep: 3}}
  unused: {{source: /nowhere/unused.txt}}
policies:
  ban: {{groups: [staff], lists: [own, "builtin:tiktok", partner]}}
never_block: [city.example]
"""
NAMES = "".join(f"name{number}.example\n" for number in range(10)).encode()


class ListSetting:
    """A config, the file of its list, and what is kept of its lists."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "lists"
        self.records = ListRecords(GenerationStore(self.folder))
        self.file = folder / "own.txt"
        self.file.write_text("example.org\nwww.example.net\n")
        self.path = str(folder / "dnsguard.yaml")
        self.configure(CONFIG)
        self.compiled: Compiled | None = None
        self.stay: dict[str, LoadedList] = {}

    def configure(self, text: str) -> None:
        self.source = Source(self.path, text)
        self.config = parse([self.source])

    def load(self, offer: Offer | None = None) -> Lists:
        offers = {} if offer is None else {"partner": offer}
        return load(
            self.config,
            self.source,
            self.folder,
            compiled=self.compiled,
            stay=self.stay,
            offers=offers,
        )

    def adopt(self, offer: Offer | None = None) -> Lists:
        """Load the lists, put them in force and keep what is new."""
        lists = self.load(offer)
        for accepted in lists.accepted:
            assert self.records.accept(accepted) is None
        close(lists.accepted)
        if self.compiled is not None and self.compiled is not lists.compiled:
            self.compiled.close()
        self.compiled = lists.compiled
        return lists

    def offer(self, text: bytes) -> Offer:
        """Return an offer for the fetched list; `text_file` is the caller's to close."""
        sha256 = hashlib.sha256(text).hexdigest()
        settings = self.config.lists["partner"]
        return Offer(
            settings, text_file(text), sha256, URL, {URL: ('"1"', None)}, "timestamp:1", 99.0
        )


def find(lists: Lists, name: str) -> LoadedList:
    return next(found for found in lists.loaded if found.name == name)


def blocking(lists: Lists, name: str) -> set[str]:
    """Return the lists whose rules match a name."""
    matches = Image(image_of(lists.compiled)).find(from_text(name))
    return {
        known
        for known, found in lists.compiled.lists.items()
        for match in matches
        if found.first <= match.list_id < found.first + len(found.version["parts"])
    }
