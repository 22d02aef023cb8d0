"""Names that do not exist: one proof answers for all types of a name and for all below it.

RFC 8020, RFC 2308 section 5. A proof is kept in the cache beside the answers, under a question
that nobody can ask: its type is 0. Clients that want signatures are not answered by it, for
those of one name do not prove another's absence.

Nearly no name that is asked for has one. So each leaves a mark by a few of its octets, and only
where there is a mark the cache is looked into.
"""

from dnsguard.core import octets
from dnsguard.core.answer import Answer
from dnsguard.core.cache import Cache, Entry
from dnsguard.core.zones import ForwardZones

_KEY_SUFFIX = 5  # octets of a question's key after its name
_NO_TYPE = 0
_MARKS = 1 << 16
_MOST_MARKS = _MARKS // 4  # then they begin anew: who is forgotten is asked about again


class Denials:
    """The proofs in a cache."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._marks = bytearray(_MARKS)
        self._marked = 0

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
        if self._marked == _MOST_MARKS:
            self._marks = bytearray(_MARKS)
            self._marked = 0
        self._marked += 1
        self._marks[_mark(key, 0, len(key))] = 1

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
        marks = self._marks
        position = 0
        while name[position]:
            if marks[_mark(name, position, len(key))]:
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


def _mark(name: bytes, position: int, size: int) -> int:
    """Return where the name that begins with the label at an offset leaves its mark."""
    length = name[position]
    mixed = (size - position) * 0x3F1 + length * 0x1F
    mixed += name[position + 1] * 0x101 + name[position + length] * 0x1003
    mixed += name[position + (length + 1) // 2] * 0x2B3F
    return mixed & (_MARKS - 1)
