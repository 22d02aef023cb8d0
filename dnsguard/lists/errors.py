"""Why a list, or one version of it, cannot be used."""

from typing import Literal, get_args

Reason = Literal[
    "empty",
    "html",
    "truncated",
    "size",
    "compression",
    "shrink",
    "growth",
    "signature",
    "hash",
    "bad-lines",
    "forbidden",
]
"""Why a version is refused: the `reason` of `dnsguard_list_refused_total`."""

REASONS: tuple[Reason, ...] = get_args(Reason)


class ListError(Exception):
    """The list cannot be used; the message says why and what to do."""


class Refused(ListError):  # noqa: N818, a verdict rather than a fault
    """A version of a list was had, and must not go live."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
