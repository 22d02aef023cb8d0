"""Signs of a tunnel: long new names, many of them, below one domain (iodine, dns2tcp).

Whoever carries data out by DNS puts them into names that nobody has asked for before, so that
they reach a server of their own. An answer that was ever kept is no sign, nor is a short name.
Content delivery and reputation services use such names too, a few at a time.
"""

from dnsguard.core import octets

LONG = 48  # octets of a name that are not yet suspicious
MOST = 8192  # octets of longer, new names below one domain in one window
WINDOW = 60.0  # seconds
MAX_DOMAINS = 4096  # random domains cannot grow the memory of who is counted

_KEY_SUFFIX = 5  # octets of a question's key after its name
_LONG = LONG
_MOST = MOST
_WINDOW = WINDOW
_MAX_DOMAINS = MAX_DOMAINS


class Tunnels:
    """What was asked below each domain, its two rightmost labels, in the present window."""

    def __init__(self) -> None:
        self._carried: dict[bytes, int] = {}
        self._ends = 0.0

    def note(self, key: bytes, now: float) -> bool:
        """Take notice of a question that goes to an upstream for the first time.

        Tell whether what is asked below its domain is a sign.
        """
        size = len(key) - _KEY_SUFFIX
        if size <= _LONG:
            return False
        if now >= self._ends or len(self._carried) >= _MAX_DOMAINS:
            self._carried = {}
            self._ends = now + _WINDOW
        name = key
        domain = last = position = 0
        while name[position]:
            domain = last
            last = position
            position += 1 + name[position]
        below = octets.cut(key, domain, size)
        carried = self._carried.get(below, 0) + size
        self._carried[below] = carried
        return carried > _MOST
