"""Which fault comes when: every one in turn, each round in another order, drawn from a seed."""

import random
from collections.abc import Iterator, Sequence

from tests.soak.faults import OWN_FAULTS, Fault
from tests.soak.upstream_faults import UPSTREAM_FAULTS

FAULTS: Sequence[Fault] = (*OWN_FAULTS, *UPSTREAM_FAULTS)
RESTARTS_UNTIL = 1 / 3
"""The share of a soak in which the control plane is killed: what lives on shows leaks."""


def draw(seed: int, words: str = "") -> Iterator[tuple[Fault, random.Random]]:
    """Yield faults without end, each with the chance that decides how it goes about it.

    Only those with some words in their names come, if there are any.
    """
    chance = random.Random(seed)
    chosen = [fault for fault in FAULTS if words in fault.name]
    while chosen:
        for fault in chance.sample(chosen, len(chosen)):
            yield fault, random.Random(chance.getrandbits(64))
