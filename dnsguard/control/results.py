"""What a change of the running policy came to."""

from dataclasses import dataclass
from typing import Literal

from dnsguard.config import Problem


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """The end of one reload; `generation` is the one in force after it, whatever the result."""

    result: Literal["ok", "refused"]
    generation: int
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
