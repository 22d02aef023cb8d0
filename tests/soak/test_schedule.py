"""What comes when in a soak is drawn from its seed."""

from itertools import islice

from tests.soak.questions import KINDS, Draw, Question
from tests.soak.schedule import FAULTS, draw


def first(seed: int, words: str = "") -> list[tuple[str, float]]:
    """Return the faults of the first round, and what chance holds for each."""
    drawn = islice(draw(seed, words), len(FAULTS))
    return [(fault.name, chance.random()) for fault, chance in drawn]


def test_every_fault_comes_in_turn() -> None:
    assert sorted(name for name, _ in first(1)) == sorted(fault.name for fault in FAULTS)


def test_the_same_seed_has_the_same_faults_come() -> None:
    assert first(1) == first(1)
    assert first(1) != first(2)


def test_faults_can_be_chosen_by_name() -> None:
    assert {name for name, _ in first(1, "worker stopped")} == {"worker stopped for a while"}
    assert first(1, "no such fault") == []


def questions(seed: int) -> list[Question]:
    drawing = Draw(seed)
    return [drawing() for _ in range(3000)]


def test_the_same_seed_has_the_same_questions_asked_of_every_kind() -> None:
    assert questions(1) == questions(1)
    assert questions(1) != questions(2)
    asked = {(question.kind, question.transport) for question in questions(1)}
    assert asked == {(kind, transport) for kind in KINDS for transport in ("udp", "tcp")}
