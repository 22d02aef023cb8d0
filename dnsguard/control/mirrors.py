"""Asking one mirror of a list for its version."""

import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

from dnsguard.config import Config, ListSource
from dnsguard.control.build import without_policies
from dnsguard.control.name_service import NameService
from dnsguard.control.selection import Offer
from dnsguard.lists.authenticity import Demands, check
from dnsguard.lists.errors import Refused
from dnsguard.lists.fetch import fetch
from dnsguard.lists.fetched import Fetched, FetchError, NotModified, Validators
from dnsguard.lists.records import ListGeneration, ListRecord
from dnsguard.lists.signature import MAX_SIGNATURE_SIZE, signature_url

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The mirror has the newest version there is; `validators` say so next time."""

    validators: dict[str, tuple[str | None, str | None]]


class Mirrors:
    """Fetches by a config: what it names may be reached, and names resolve by its upstreams."""

    def __init__(self) -> None:
        self._config: Config | None = None
        self._names: NameService | None = None
        self._named: frozenset[str] = frozenset()

    def configure(self, config: Config) -> None:
        """Fetch by this config from now on."""
        if config is self._config:
            return
        generation = without_policies(config)
        if self._names is None:
            self._names = NameService(generation)
        else:
            self._names.configure(generation)
        self._config = config
        sources = [source for found in config.lists.values() for source in found.source]
        hosts = (urlsplit(source).hostname for source in sources if "://" in source)
        self._named = frozenset(host for host in hosts if host)

    def close(self) -> None:
        """Stop resolving names."""
        if self._names is not None:
            self._names.close()

    async def ask(
        self, settings: ListSource, url: str, record: ListRecord, progress: Progress
    ) -> Offer | Unchanged:
        """Return the version of a mirror, whose descriptor the caller closes.

        Raises FetchError when it cannot be had, Refused when it is not the one that is meant.
        """
        mirror = _key(url)
        newest = record.generations[0] if record.generations else None
        known = Validators()
        if newest is not None and _is_proven(newest, settings):
            known = Validators(*record.validators.get(mirror, (None, None)))
        found = await self._fetch(url, known, settings.max_size, progress)
        if isinstance(found, NotModified):
            return Unchanged({})
        validators = {mirror: (found.validators.etag, found.validators.last_modified)}
        try:
            if not found.size:
                raise Refused("empty", "it is an empty file: ask its publisher")
            comment = await self._check(settings, url, found.descriptor, record)
        except BaseException:
            os.close(found.descriptor)
            raise
        if newest is not None and found.sha256 == newest.sha256:
            os.close(found.descriptor)
            return Unchanged(validators)
        return Offer(settings, found.descriptor, found.sha256, found.url, validators, comment)

    async def _check(
        self, settings: ListSource, url: str, descriptor: int, record: ListRecord
    ) -> str | None:
        demands = Demands(settings.sha256, settings.public_key)
        signature = await self._signature(url) if demands.public_key else None
        current = record.current
        # Not closed by hand: the traceback of a refusal holds it still.
        data = mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)
        return check(
            demands,
            memoryview(data),
            signature,
            before=current.signature if current else None,
        )

    async def _signature(self, url: str) -> bytes:
        try:
            found = await self._fetch(
                signature_url(url), Validators(), MAX_SIGNATURE_SIZE, lambda *_: None
            )
        except FetchError as error:
            raise Refused("signature", f"its signature cannot be had: {error}") from None
        assert not isinstance(found, NotModified)  # noqa: S101 - nothing was known of it
        try:
            return os.pread(found.descriptor, MAX_SIGNATURE_SIZE, 0)
        finally:
            os.close(found.descriptor)

    async def _fetch(
        self, url: str, validators: Validators, max_size: int, progress: Progress
    ) -> Fetched | NotModified:
        assert self._names is not None  # noqa: S101 - configured before
        return await fetch(
            url,
            validators=validators,
            max_size=max_size,
            named_hosts=self._named,
            resolve=self._names.addresses,
            progress=progress,
        )


def _is_proven(newest: ListGeneration, settings: ListSource) -> bool:
    """Tell whether a version meets the config's demands, which may be newer than it is."""
    pinned = settings.sha256 in {None, newest.sha256}
    return pinned and (settings.public_key is None or newest.signature is not None)


def _key(url: str) -> str:
    """Return what stands for a URL on disk: its query string or password may be a secret."""
    return sha256(url.encode()).hexdigest()[:32]
