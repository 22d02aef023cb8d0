"""What came over UDP and may be forged: TCP is asked, and what comes yet is not shut out."""

import pytest

from dnsguard.core.response import Status
from dnsguard.core.retry import Retry, Step
from dnsguard.core.route import Attempt
from tests.support.retries import (
    BARE_SERVFAIL,
    OTHER_CASE,
    OTHER_QUESTION,
    START,
    TRUNCATED,
    Edit,
    judged,
    respond,
    retry,
    swapped_case,
    taken,
)

Doubtful = tuple[int, list[Edit]]
MALFORMED: Doubtful = (-1, [])
DOUBTFUL = [TRUNCATED, OTHER_CASE, OTHER_QUESTION, BARE_SERVFAIL, MALFORMED]


def message(attempt: Attempt, said: Doubtful) -> bytes:
    rcode, edits = said
    return respond(attempt)[:-1] if said is MALFORMED else respond(attempt, rcode, *edits)


def doubted(said: Doubtful) -> tuple[Retry, Attempt]:
    """Return a question whose only upstream was doubted and does not take TCP."""
    attempts = retry(0)
    attempt = taken(attempts)
    attempt.carrier = object()
    assert attempts.result(attempt, message(attempt, said)) == Step.DOUBT
    over_tcp = taken(attempts)
    assert over_tcp.tcp
    attempts.failed(over_tcp)
    return attempts, attempt


@pytest.mark.parametrize("said", DOUBTFUL)
def test_better_is_waited_for_until_it_would_have_timed_out(said: Doubtful) -> None:
    attempts, attempt = doubted(said)
    assert attempts.next(START) is None
    assert (attempts.answer, attempts.resume) == (None, START + attempt.timeout)
    assert attempts.result(attempt, respond(attempt)) == Step.DONE


@pytest.mark.parametrize("said", DOUBTFUL)
def test_after_that_there_is_what_there_was(said: Doubtful) -> None:
    attempts, attempt = doubted(said)
    assert attempts.next(START + attempt.timeout) is None
    assert attempts.resume == 0
    assert (attempts.answer is not None) is (said is OTHER_CASE)


@pytest.mark.parametrize("said", DOUBTFUL)
@pytest.mark.parametrize("more", DOUBTFUL)
def test_more_of_the_kind_is_passed_by(said: Doubtful, more: Doubtful) -> None:
    attempts, attempt = doubted(said)
    assert attempts.result(attempt, message(attempt, more)) == Step.WAIT
    assert attempts.next(START) is None


def test_the_truth_is_taken_while_tcp_is_silent() -> None:
    attempts = retry(0)
    attempt = taken(attempts)
    attempts.result(attempt, message(attempt, TRUNCATED))
    assert taken(attempts).tcp
    assert attempts.result(attempt, respond(attempt)) == Step.DONE


def test_where_much_is_forged_other_case_is_not_believed_after_all() -> None:
    attempts = retry(0)
    attempt = taken(attempts)
    judgement = judged(attempts, attempt, respond(attempt, 0, swapped_case))
    assert judgement == (Step.DOUBT, Status.CASE_MISMATCH)
    attempts.distrust(attempt)
    over_tcp = taken(attempts)
    assert over_tcp.tcp
    attempts.failed(over_tcp)
    assert attempts.next(START) is None
    assert attempts.answer is None
    assert attempts.latest is over_tcp, "TCP is asked for once"
