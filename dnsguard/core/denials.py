"""Names that do not exist: one proof answers for all types of a name and for all below it.

RFC 8020, RFC 2308 section 5. A proof is kept in the cache beside the answers, under a question
that nobody can ask: its type is 0. Clients that want signatures are not answered by it, for
those of one name do not prove another's absence.
"""

from dnsguard.core import octets
from dnsguard.core.answer import Answer
from dnsguard.core.cache import Cache, Entry
from dnsguard.core.zones import ForwardZones

_KEY_SUFFIX = 5  # octets of a question's key after its name
_NO_TYPE = 0


class Denials:
    """The proofs in a cache."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def keep(self, key: bytes, answer: Answer, now: float) -> None:
        """Keep the NXDOMAIN that answers a question.

        An alias on the way would mean that it is another name that does not exist.
        """
        if answer.ancount:
            return
        denied = _denial_key(key, 0)
        entry = self._cache.get(denied)
        if entry is None:
            entry = Entry(denied)
            self._cache.add(entry)
        self._cache.store(entry, answer, now)

    def forget(self, key: bytes) -> None:
        """Forget that the name of a question does not exist."""
        entry = self._cache.get(_denial_key(key, 0))
        if entry is not None:
            entry.expires = 0.0

    def find(self, key: bytes, zones: ForwardZones, zone: int, now: float) -> Entry | None:
        """Return the proof that the name of a question does not exist, None without one.

        That of another forward zone than the question's proves nothing.
        """
        name = key
        position = 0
        while name[position]:
            entry = self._cache.get(_denial_key(key, position))
            if entry is not None and now < entry.expires:
                same = zones.empty or zones.find(entry.key[:-_KEY_SUFFIX]) == zone
                return entry if same else None
            position += 1 + name[position]
        return None


def _denial_key(key: bytes, position: int) -> bytes:
    """Return where the proof for the name at an offset of a question's key is kept."""
    size = len(key) - position
    denied = octets.blank(size)
    message = denied
    octets.copy(message, 0, key, position, len(key))
    octets.put16(message, size - _KEY_SUFFIX, _NO_TYPE)
    return octets.whole(denied)
