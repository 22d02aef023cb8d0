"""The EDNS options of responses: why an answer is not the usual one, how long a connection idles.

Every text that dnsguard sends is here, in the city's two languages; server cookies are made by
`cookies`.
"""

from struct import pack

from dnsguard.core.protocol import Ede, EdnsOption

IDLE_SECONDS = 10.0  # until a TCP connection is closed: without a whole query, none under way

_STALE = "Réponse périmée, faute de mieux / Stale answer, for want of a better one"
_TEXTS = {
    Ede.OTHER: "Surcharge ou erreur interne / Overload or internal error",
    Ede.STALE_ANSWER: _STALE,
    Ede.CACHED_ERROR: "Échec récent, gardé en mémoire / Recent failure, from memory",
    Ede.NOT_READY: "Démarrage en cours / Starting up",
    Ede.PROHIBITED: "Client non admis / Client not admitted",
    Ede.STALE_NXDOMAIN_ANSWER: _STALE,
    Ede.NOT_AUTHORITATIVE: "Récursion non demandée / Recursion not asked for",
    Ede.NOT_SUPPORTED: "Classe ou type non pris en charge / Class or type not supported",
    Ede.NO_REACHABLE_AUTHORITY: "Aucun serveur amont n'a pu répondre / No upstream could answer",
    Ede.NETWORK_ERROR: "Erreur de réseau vers l'amont / Network error towards upstreams",
}


def compose_ede(code: int, text: str = "") -> bytes:
    """Compose an Extended DNS Error option (RFC 8914 section 2)."""
    extra = text.encode()
    return pack("!HHH", EdnsOption.EDE, 2 + len(extra), code) + extra


def blocked_option(policy: str) -> bytes:
    """Compose the option that says which policy blocked a name."""
    return compose_ede(Ede.BLOCKED, f"Bloqué / Blocked: {policy}")


REBINDING_OPTION = compose_ede(Ede.BLOCKED, "Adresse privée refusée / Private address refused")

_FAILURES = frozenset({Ede.OTHER, Ede.NO_REACHABLE_AUTHORITY, Ede.NETWORK_ERROR})
_OPTIONS = {int(code): compose_ede(code, text) for code, text in _TEXTS.items()}


def ede_option(code: int) -> bytes:
    """Return the option for an error of our own, with its text."""
    return _OPTIONS[code]


def failure_option(code: int) -> bytes:
    """Return the option that says why no upstream answered.

    What we saw of the upstreams has our text; what one of them told us is passed on by its
    number alone, for our texts are about ourselves.
    """
    return _OPTIONS[code] if code in _FAILURES else compose_ede(code)


# RFC 7828 section 3.1, in units of 100 ms.
KEEPALIVE_OPTION = pack("!HHH", EdnsOption.KEEPALIVE, 2, round(IDLE_SECONDS * 10))
