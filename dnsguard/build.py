"""Whether the hot modules run compiled; see `COMPILED` in setup.py."""

from typing import Final, Literal

from dnsguard.core import resolver

BUILD: Final[Literal["compiled", "plain"]] = (
    "plain" if resolver.__file__.endswith(".py") else "compiled"
)
