"""Which texts each list of a config may come from, the wanted one first."""

import hashlib
import os
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG
from typing import Literal

from dnsguard.config import Config, ListSource
from dnsguard.control.compiling import anonymous_file
from dnsguard.lists import bundled
from dnsguard.lists.authenticity import Demands, check
from dnsguard.lists.errors import ListError, Reason, Refused
from dnsguard.lists.generations import GenerationStore
from dnsguard.lists.records import ListRecord
from dnsguard.lists.signature import MAX_SIGNATURE_SIZE

BUILTIN = "builtin:"

Kind = Literal["builtin", "file", "url"]
"""Where a list comes from."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A version that was fetched by some settings, in a file in memory.

    `signature` is its trusted comment, `next_try` when its source is asked next, in epoch
    seconds.
    """

    settings: ListSource
    descriptor: int
    sha256: str
    source: str
    validators: Mapping[str, tuple[str | None, str | None]]
    signature: str | None = None
    next_try: float | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A text that a list may come from: a kept generation, what was fetched, or what was read.

    `guarded` is one that may not shrink or grow over the limits.
    """

    sha256: str
    generation: int | None = None
    offer: Offer | None = None
    data: bytes = b""
    guarded: bool = False

    def open(self) -> int | None:
        """Return a descriptor of the text, which the caller closes; None if it is kept."""
        if self.generation is not None:
            return None
        if self.offer is not None:
            return os.dup(self.offer.descriptor)
        descriptor = anonymous_file("text")
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(self.data)
        return descriptor


@dataclass(slots=True)
class Selection:
    """A list and the texts it may come from, the wanted one first.

    `problem` and `refused` say why its source has none to try. An `offered` list has its offer
    to come from and nothing else.
    """

    name: str
    kind: Kind
    settings: ListSource
    record: ListRecord = field(default_factory=lambda: ListRecord(()))
    texts: list[Text] = field(default_factory=list)
    offered: bool = False
    problem: str | None = None
    refused: Reason | Literal[""] = ""

    def is_new(self, text: Text) -> bool:
        """Tell whether a text is to be kept if it is taken."""
        if self.kind == "builtin" or text.generation is not None:
            return False
        current = self.record.current
        return text.offer is not None or current is None or current.sha256 != text.sha256

    @property
    def is_kept(self) -> bool:
        """Whether the wanted text is kept, as far as it is to be."""
        return not (self.texts and self.is_new(self.texts[0]))


def used_lists(config: Config) -> dict[str, ListSource]:
    """Return the lists that policies name, with their settings."""
    names = [name for policy in config.policies.values() for name in policy.lists]
    return {name: config.lists.get(name) or ListSource(source=(name,)) for name in names}


def kind_of(settings: ListSource) -> Kind:
    """Return where a list comes from."""
    source = settings.source[0]
    if source.startswith(BUILTIN):
        return "builtin"
    return "url" if "://" in source else "file"


def select(
    config: Config,
    store: GenerationStore,
    offers: Mapping[str, Offer],
    stay: Container[str],
    unwritten: Mapping[str, Offer],
) -> list[Selection]:
    """Return the texts of every list that a policy names.

    An offer is the only text of its list. Files are read anew, but for those that `stay` and
    of which something is there; then what is in force and `unwritten` comes before what is
    kept. A rollback holds against all of these.
    """
    return [
        _select(
            name,
            settings,
            store,
            offers.get(name),
            unwritten.get(name),
            rereads=name not in stay,
        )
        for name, settings in used_lists(config).items()
    ]


def _select(
    name: str,
    settings: ListSource,
    store: GenerationStore,
    offer: Offer | None,
    unwritten: Offer | None,
    *,
    rereads: bool,
) -> Selection:
    selection = Selection(name, kind_of(settings), settings)
    texts = selection.texts
    if selection.kind == "builtin":
        data = bundled.text(settings.source[0].removeprefix(BUILTIN))
        texts.append(Text(_hash(data), data=data))
        return selection
    selection.record = store.record(name)
    if offer is not None:
        selection.offered = True
        texts.append(Text(offer.sha256, offer=offer, guarded=True))
        return selection
    current = selection.record.current
    held = selection.record.hold is not None
    if unwritten is not None and (held or unwritten.settings.source != settings.source):
        unwritten = None
    nothing = current is None and unwritten is None
    if selection.kind == "file" and not held and (rereads or nothing):
        _read_source(selection)
    if unwritten is not None:
        texts.append(Text(unwritten.sha256, offer=unwritten))
    for kept in selection.record.generations:
        if current is not None and kept.number <= current.number:
            texts.append(Text(kept.sha256, generation=kept.number))
    return selection


def _read_source(selection: Selection) -> None:
    """Add what a list's file holds, or say why not."""
    settings = selection.settings
    path = Path(settings.source[0])
    try:
        data = read_file(path, settings.max_size)
        signature = None
        if settings.public_key is not None:
            signature = _read_signature(path.with_name(f"{path.name}.minisig"))
        check(Demands(settings.sha256, settings.public_key), data, signature)
    except ListError as error:
        selection.problem = str(error)
        selection.refused = error.reason if isinstance(error, Refused) else ""
    else:
        selection.texts.append(Text(_hash(data), data=data))


def _read_signature(path: Path) -> bytes:
    try:
        return read_file(path, MAX_SIGNATURE_SIZE)
    except ListError as error:
        raise Refused("signature", f"its signature {path.name}: {error}") from None


def read_file(path: Path, max_size: int) -> bytes:
    """Return the text of a list file. Raises ListError."""
    try:
        # A pipe without a writer would keep everything waiting.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not S_ISREG(os.fstat(descriptor).st_mode):
                raise ListError("the file is a folder, a pipe or a device: give a regular file")
            text = file.read(max_size + 1)
    except OSError as error:
        raise ListError(f"the file cannot be read ({error.strerror})") from None
    if len(text) > max_size:
        raise ListError(f"the file is larger than {max_size} octets: raise max_size or split it")
    return text


def _hash(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
