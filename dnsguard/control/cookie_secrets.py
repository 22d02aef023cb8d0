"""The secrets of server cookies: the same for all workers, and after a restart.

They are in nobody's log, status or metrics. Whoever has them can pass for a client that answers
at its address, no more; so a file that is lost costs nothing but new ones.
"""

import json
import logging
import secrets
from pathlib import Path

from dnsguard.core.cookies import SECRET_SIZE
from dnsguard.lists.durable import write_durably

MAX_AGE = 30 * 86_400.0  # seconds until another is taken: RFC 7873 section 7.1 bounds it at 36 days
KEPT = 2  # the one in use, and the one before, by which cookies are still accepted

_FILE = "cookie-secrets.json"
_MODE = 0o600

_log = logging.getLogger(__name__)


class CookieSecrets:
    """The secrets in a state directory; nothing is read before it is asked for."""

    def __init__(self, state: Path) -> None:
        self._path = state / _FILE
        self._made = 0.0
        self._secrets: tuple[bytes, ...] = ()
        self._written = True

    def take(self, now: float) -> tuple[bytes, ...]:
        """Return the secrets to serve by, the current one first; `now` is in seconds since 1970.

        Another is made when there is none or it is too old; `keep` writes it.
        """
        if not self._secrets:
            self._read()
        if not self._secrets or not 0 <= now - self._made < MAX_AGE:
            self._secrets = (secrets.token_bytes(SECRET_SIZE), *self._secrets)[:KEPT]
            self._made = now
            self._written = False
        return self._secrets

    def keep(self) -> str | None:
        """Write the secrets for the next start, unless they are there; return what went wrong."""
        if self._written:
            return None
        document = {"made": self._made, "secrets": [secret.hex() for secret in self._secrets]}
        try:
            write_durably(self._path, json.dumps(document).encode(), mode=_MODE)
        except OSError as error:
            text = (
                f"{self._path} cannot be written ({error.strerror}): after a restart DNS clients "
                "are given new cookies; check that the disk is not full and who owns it"
            )
            _log.error("%s", text)
            return text
        self._written = True
        return None

    def _read(self) -> None:
        try:
            document = json.loads(self._path.read_bytes())
            found = tuple(bytes.fromhex(text) for text in document["secrets"])[:KEPT]
            made = float(document["made"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            found = ()
        if not found or any(len(secret) != SECRET_SIZE for secret in found):
            _log.warning("%s cannot be read: DNS clients are given new cookies", self._path)
            return
        self._secrets, self._made = found, made
