from collections.abc import Callable
from struct import pack

import dns.flags
import dns.message
import pytest

from dnsguard.core.names import from_text
from dnsguard.core.protocol import Ede
from dnsguard.core.response import Status
from dnsguard.core.retry import (
    DEADLINE,
    DEADLINE_ALL_SILENT,
    MAX_ATTEMPTS,
    MAX_TRIES,
    TCP_TIMEOUT,
    TIMEOUTS,
    Step,
)
from dnsguard.core.route import Attempt
from tests.support.retries import (
    ANSWER,
    BARE_FORMERR,
    BARE_SERVFAIL,
    FORMERR,
    FORMERR_WITH_EDNS,
    NOTIMP,
    OTHER_CASE,
    REFUSED,
    SERVFAIL,
    START,
    TRUNCATED,
    Edit,
    Said,
    authentic,
    explained,
    judged,
    other_id,
    other_question,
    respond,
    retry,
    taken,
    transcript,
    truncate,
    without_edns,
)

S = "silence"


def repeating(octets: bytes) -> Callable[[int], bytes]:
    """Return a source of these octets, over and over."""
    return lambda size: (octets * size)[:size]


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ([ANSWER], "0udp done"),
        ([SERVFAIL, ANSWER], "0udp 1udp done"),
        ([REFUSED, ANSWER], "0udp 1udp done"),
        ([SERVFAIL, REFUSED, S], "0udp 1udp nothing left"),
        (["error", ANSWER], "0udp 1udp done"),
        (["error", S, ANSWER], "0udp 1udp 0udp done"),
        (["error", "error", ANSWER], "0udp 1udp later 0udp done"),
        (["error", SERVFAIL, ANSWER], "0udp 1udp later 0udp done"),
        (["error"] * 9, "0udp 1udp later 0udp 1udp later 0udp 1udp nothing left"),
        ([TRUNCATED, "error", "error", ANSWER], "0udp 0tcp 1udp later 1udp done"),
        ([S, ANSWER], "0udp 1udp done"),
        ([S, S, ANSWER], "0udp 1udp 0udp done"),
        ([S, SERVFAIL, S, ANSWER], "0udp 1udp 0udp 0udp done"),
        ([S] * 8, "0udp 1udp 0udp 1udp 0udp 1udp nothing left"),
        ([TRUNCATED, ANSWER], "0udp 0tcp done"),
        ([TRUNCATED, SERVFAIL, ANSWER], "0udp 0tcp 1udp done"),
        ([TRUNCATED, TRUNCATED, ANSWER], "0udp 0tcp 1udp done"),
        ([TRUNCATED, "error", ANSWER], "0udp 0tcp 1udp done"),
        ([OTHER_CASE, ANSWER], "0udp 0tcp done"),
        ([OTHER_CASE, "error", ANSWER], "0udp 0tcp 1udp done"),
        ([OTHER_CASE, S, OTHER_CASE, S, S], "0udp 0tcp 1udp 1tcp doubtful"),
        ([OTHER_CASE, "error", SERVFAIL, S], "0udp 0tcp 1udp nothing left"),
        ([OTHER_CASE, SERVFAIL, S], "0udp 0tcp 1udp"),
        ([BARE_SERVFAIL, ANSWER], "0udp 0tcp done"),
        ([BARE_SERVFAIL, BARE_SERVFAIL, ANSWER], "0udp 0tcp 1udp done"),
        ([BARE_FORMERR, ANSWER], "0udp 0tcp done"),
        ([BARE_FORMERR, BARE_FORMERR, ANSWER], "0udp 0tcp 0tcp- done"),
        ([BARE_FORMERR, "error", ANSWER], "0udp 0tcp 0udp- done"),
        ([BARE_SERVFAIL, "error", ANSWER], "0udp 0tcp 1udp done"),
        ([FORMERR, ANSWER], "0udp 0udp- done"),
        ([NOTIMP, ANSWER], "0udp 0udp- done"),
        ([FORMERR, FORMERR, ANSWER], "0udp 0udp- 1udp done"),
        ([FORMERR, TRUNCATED, ANSWER], "0udp 0udp- 0tcp- done"),
        ([TRUNCATED, FORMERR, ANSWER], "0udp 0tcp 0tcp- done"),
        ([FORMERR_WITH_EDNS, ANSWER], "0udp 1udp done"),
    ],
)
def test_what_is_asked_next(said: list[Said], asked: str) -> None:
    assert transcript(retry(0, 1), *said) == asked


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ([OTHER_CASE, ANSWER], "0udp 0tcp done"),
        ([OTHER_CASE, "error", S], "0udp 0tcp doubtful"),
        ([OTHER_CASE, S, S], "0udp 0tcp doubtful"),
        ([OTHER_CASE, SERVFAIL, S], "0udp 0tcp nothing left"),
        ([OTHER_CASE, TRUNCATED, S], "0udp 0tcp nothing left"),
        ([TRUNCATED, "error", S], "0udp 0tcp nothing left"),
    ],
)
def test_other_case_is_believed_where_tcp_cannot_be_had(said: list[Said], asked: str) -> None:
    assert transcript(retry(0), *said) == asked


def test_one_upstream_is_asked_again() -> None:
    assert transcript(retry(4), *[S] * 9) == " ".join(["4udp"] * MAX_TRIES) + " nothing left"


def test_there_is_an_end_to_asking() -> None:
    asked = transcript(retry(*range(20)), *[S] * 20).split()
    assert asked[MAX_ATTEMPTS:] == ["nothing", "left"]


def test_no_upstream_leaves_nothing_to_try() -> None:
    attempts = retry()
    assert attempts.next(START) is None
    assert attempts.resume == 0


def test_an_upstream_of_tcp_is_asked_over_tcp() -> None:
    attempts = retry(0, 1, tcp_only=frozenset({1}))
    assert transcript(attempts, SERVFAIL, ANSWER) == "0udp 1tcp done"


def test_a_retry_that_was_called_for_goes_before_the_next_upstream() -> None:
    attempts = retry(0, 1)
    first, second = taken(attempts), taken(attempts)
    attempts.result(first, respond(first, 0, truncate))
    assert (taken(attempts).upstream, second.upstream) == (0, 1)


@pytest.mark.parametrize(
    "data",
    [
        lambda _: b"",
        lambda a: respond(a, 0, other_id),
        lambda a: respond(a, 0, other_question),
        lambda _: b"\xff" * 512,
        lambda a: a.message,
    ],
)
def test_beside_what_is_not_a_response_to_the_query_the_truth_is_taken(
    data: Callable[[Attempt], bytes],
) -> None:
    attempts = retry(0, 1)
    attempt = taken(attempts)
    assert judged(attempts, attempt, data(attempt)) == (Step.DOUBT, Status.MISMATCH)
    assert attempts.result(attempt, respond(attempt)) == Step.DONE


def test_over_tcp_it_is_the_end_of_the_upstream() -> None:
    attempts = retry(0, tcp_only=frozenset({0}))
    attempt = taken(attempts)
    assert attempts.result(attempt, b"") == Step.NEXT
    assert attempts.next(START) is None


def test_what_is_malformed_is_asked_for_over_tcp_where_nobody_forges() -> None:
    attempts = retry(0, 1)
    attempt = taken(attempts)
    assert judged(attempts, attempt, respond(attempt)[:-1]) == (Step.DOUBT, Status.MALFORMED)
    again = taken(attempts)
    assert (again.upstream, again.tcp) == (0, True)
    assert judged(attempts, again, respond(again)[:-1]) == (Step.NEXT, Status.MALFORMED)
    assert taken(attempts).upstream == 1


def test_a_late_answer_of_an_earlier_upstream_is_taken() -> None:
    attempts = retry(0, 1)
    early, late = taken(attempts), taken(attempts)
    assert attempts.result(early, respond(early)) == Step.DONE
    assert attempts.answer is not None
    assert late.upstream == 1


def test_the_answer_is_as_authentic_as_the_upstream_is_trusted() -> None:
    for trusted in (frozenset({0}), frozenset[int]()):
        attempts = retry(0, trusted=trusted, dnssec=True)
        attempt = taken(attempts)
        attempts.result(attempt, respond(attempt, 0, authentic))
        assert attempts.answer is not None
        assert attempts.answer.authentic is bool(trusted)


def test_the_reason_for_failing_is_told() -> None:
    attempts = retry(0)
    assert attempts.ede == Ede.NO_REACHABLE_AUTHORITY
    attempts.failed(taken(attempts))
    assert attempts.ede == Ede.NETWORK_ERROR


BOGUS: tuple[int, list[Edit]] = (2, [explained(6)])
EXPIRED: tuple[int, list[Edit]] = (2, [explained(7)])
FILTERED: tuple[int, list[Edit]] = (5, [explained(17)])
PRIVATE: tuple[int, list[Edit]] = (2, [explained(49_152)])


@pytest.mark.parametrize(
    ("said", "ede"),
    [
        ([], Ede.NO_REACHABLE_AUTHORITY),
        ([S], Ede.NO_REACHABLE_AUTHORITY),
        ([SERVFAIL], Ede.NO_REACHABLE_AUTHORITY),
        ([PRIVATE], Ede.NO_REACHABLE_AUTHORITY),
        (["error"], Ede.NETWORK_ERROR),
        (["error", SERVFAIL], Ede.NETWORK_ERROR),
        ([BOGUS], 6),
        ([FILTERED], 17),
        ([BOGUS, "error"], 6),
        (["error", BOGUS], 6),
        ([S, BOGUS, S, S], 6),
        ([BOGUS, EXPIRED], 7),
        ([EXPIRED, BOGUS], 6),
        ([BOGUS, SERVFAIL], 6),
        ([BOGUS, PRIVATE], 6),
        ([TRUNCATED, BOGUS], 6),
    ],
)
def test_the_reason_an_upstream_gives_goes_before_our_own(said: list[Said], ede: int) -> None:
    attempts = retry(0, 1)
    transcript(attempts, *said)
    assert (attempts.answer, attempts.ede) == (None, ede)


def test_what_is_no_response_gives_no_reason() -> None:
    attempts = retry(0)
    attempt = taken(attempts)
    forged = respond(attempt, 2, explained(6), other_id)
    assert judged(attempts, attempt, forged) == (Step.DOUBT, Status.MISMATCH)
    assert attempts.ede == Ede.NO_REACHABLE_AUTHORITY


def test_the_times() -> None:
    attempts = retry(0, 1)
    assert attempts.began == 100.0
    assert attempts.deadline == 100.0 + DEADLINE
    assert attempts.deadline_all_silent == 100.0 + DEADLINE_ALL_SILENT
    timeouts = [taken(attempts).timeout for _ in range(2 * MAX_TRIES)]
    assert timeouts == [timeout for timeout in TIMEOUTS for _ in range(2)]
    assert taken(retry(0, tcp_only=frozenset({0}))).timeout == TCP_TIMEOUT


def test_the_first_upstream_is_late_before_it_has_timed_out() -> None:
    attempts = retry(0, 1, patience=0.1)
    times = [(taken(attempts).patience, attempts.latest.timeout) for _ in range(2)]  # type: ignore[union-attr]
    assert times == [(0.1, TIMEOUTS[0]), (0.0, TIMEOUTS[0])]
    assert taken(retry(0, patience=0.1)).patience == 0.0, "there is no other"
    assert taken(retry(0, 1, patience=TIMEOUTS[0])).patience == 0.0, "it times out before"
    assert taken(retry(0, 1, patience=0.1, tcp_only=frozenset({0}))).patience == 0.0


def test_one_that_is_known_to_be_down_is_not_asked_again_after_an_error() -> None:
    attempts = retry(0, 1, all_down=True)
    assert transcript(attempts, *["error"] * 3) == "0udp 1udp nothing left"


def test_what_is_under_way_is_not_asked_a_second_time_before_its_time() -> None:
    attempts = retry(0, 1)
    first = taken(attempts)
    first.carrier = object()
    attempts.failed(taken(attempts, START + 0.1))
    assert attempts.next(START + 0.1) is None
    assert attempts.resume == START + first.timeout
    assert taken(attempts, attempts.resume).upstream == 0


@pytest.mark.parametrize("dnssec", [True, False])
@pytest.mark.parametrize("cd", [True, False])
def test_the_message_asks_the_question_and_no_more(dnssec: bool, cd: bool) -> None:
    attempt = taken(retry(0, name="WWW.example.org", dnssec=dnssec, cd=cd))
    message = dns.message.from_wire(attempt.message)
    assert message.id == attempt.query_id
    assert dns.flags.to_text(message.flags) == ("RD CD" if cd else "RD")
    assert (message.edns, message.payload, message.options) == (0, 1232, ())
    assert bool(message.ednsflags & dns.flags.DO) is dnssec
    assert message.question[0].to_text().lower() == "www.example.org. in a"


@pytest.mark.parametrize("dnssec", [True, False])
@pytest.mark.parametrize("cd", [True, False])
def test_those_trusted_alone_are_asked_for_the_ad_bit(dnssec: bool, cd: bool) -> None:
    attempts = retry(0, 1, trusted=frozenset({1}), dnssec=dnssec, cd=cd)
    plain, asking = (dns.message.from_wire(taken(attempts).message) for _ in range(2))
    assert dns.flags.to_text(plain.flags) == ("RD CD" if cd else "RD")
    assert dns.flags.to_text(asking.flags) == ("RD AD CD" if cd else "RD AD")


def test_an_upstream_that_is_trusted_stays_so_over_tcp_and_without_edns() -> None:
    attempts = retry(0, trusted=frozenset({0}))
    attempts.result(attempt := taken(attempts), respond(attempt, 0, truncate))
    attempts.result(attempt := taken(attempts), respond(attempt, 1, without_edns))
    last = taken(attempts)
    assert (last.tcp, last.edns, last.trusted) == (True, False, True)
    assert dns.message.from_wire(last.message).flags & dns.flags.AD


def test_every_attempt_has_random_octets_of_its_own() -> None:
    numbers = iter(range(1 << 16))
    attempts = retry(
        0, 1, noise=lambda size: b"".join(pack("!Q", next(numbers)) for _ in range(512))
    )
    assert [taken(attempts).query_id for _ in range(4)] == [0, 1, 2, 3]


LETTERS = "abcdefghijklmnopqrstuvwxyz" * 2 + "abcdefgh"
LONGEST = ".".join([LETTERS[:60] + "@[{"] * 3 + [LETTERS[:57] + "01-9"])


@pytest.mark.parametrize(("octets", "changed"), [(b"\x00", str.lower), (b"\xff", str.upper)])
def test_each_letter_has_its_bit_and_nothing_else_is_changed(
    octets: bytes, changed: Callable[[str], str]
) -> None:
    plain = from_text(LONGEST)
    attempt = taken(retry(0, name=LONGEST, noise=repeating(octets)))
    name, rest = attempt.question[:-4], attempt.question[-4:]
    assert rest == b"\x00\x01\x00\x01"
    assert name.decode() == changed(plain.decode())
    assert attempt.message[12:].startswith(attempt.question)


def test_one_bit_is_one_letter() -> None:
    name = ".".join([LETTERS] * 3)
    letters = 3 * len(LETTERS)
    seen = set()
    for bit in range(16, 16 + letters):  # the first sixteen are the ID
        octets = b"".join(pack("!Q", 1 << bit >> 64 * word & (1 << 64) - 1) for word in range(512))
        attempt = taken(retry(0, name=name, noise=lambda _, octets=octets: octets))  # type: ignore[misc]
        seen.add(attempt.question)
        assert attempt.query_id == 0
        assert sum(65 <= octet <= 90 for octet in attempt.question[:-4]) == 1
    assert len(seen) == letters


def test_letter_case_and_id_are_even() -> None:
    attempts = [taken(retry(0, name=f"{LETTERS}.example.org")) for _ in range(2000)]
    for bit in range(16):
        assert 850 < sum(attempt.query_id >> bit & 1 for attempt in attempts) < 1150
    for position in range(1, 61):
        assert 850 < sum(attempt.question[position] < 97 for attempt in attempts) < 1150


@pytest.mark.parametrize("qtype", [0x4141, 0x6161])
def test_a_qtype_that_looks_like_letters_is_left_alone(qtype: int) -> None:
    for octet, tcp_only in [(b"\x00", frozenset[int]()), (b"\xff", frozenset[int]()), (b"\0", {0})]:
        attempts = retry(
            0, rdatatype=f"TYPE{qtype}", noise=repeating(octet), tcp_only=frozenset(tcp_only)
        )
        assert taken(attempts).question[-4:] == qtype.to_bytes(2, "big") + b"\x00\x01"


def test_over_tcp_the_case_is_plain_for_servers_that_change_it() -> None:
    attempts = retry(0, name="WWW.Example.ORG", tcp_only=frozenset({0}))
    assert taken(attempts).question.startswith(b"\x03www\x07example\x03org\x00")


@pytest.mark.parametrize("edns", [True, False])
def test_an_upstream_that_is_forged_is_asked_over_tcp(edns: bool) -> None:
    attempts = retry(0)
    attempt = taken(attempts)
    if not edns:
        attempts.result(attempt, respond(attempt, 1, without_edns))
        attempt = taken(attempts)
    attempts.distrust(attempt)
    again = taken(attempts)
    assert (again.upstream, again.tcp, again.edns) == (0, True, edns)


def test_the_attempts_so_far_can_be_told() -> None:
    attempts = retry(0, 1)
    first, second = taken(attempts), taken(attempts)
    assert attempts.latest is second
    assert second.earlier is first
    assert first.earlier is None
