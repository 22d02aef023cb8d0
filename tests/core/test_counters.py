from array import array

import pytest

from dnsguard.core import counters
from dnsguard.core.protocol import Rcode, Rdatatype, Source, Transport
from dnsguard.core.view import Trigger


def test_no_two_fixed_counters_share_a_place() -> None:
    responses = {counters.response_index(source, rcode) for source in Source for rcode in range(7)}
    seconds = {
        counters.RESPONSE_SECONDS + source * counters.HISTOGRAM_SIZE + place
        for source in Source
        for place in range(counters.HISTOGRAM_SIZE)
    }
    limits = {counters.LIMITED + number for number in range(len(counters.LIMITS))}
    gauges = {
        counters.CACHE_ENTRIES,
        counters.CACHE_BYTES,
        counters.PENDING,
        counters.INTERNAL_ERRORS,
        counters.LOG_DROPPED,
        counters.BEATS,
    }
    places = [responses, seconds, limits, gauges]
    assert set.union(*places) == set(range(counters.FIRST_FREE))
    assert sum(map(len, places)) == counters.FIRST_FREE < counters.PAGE_SIZE


def test_every_limit_has_its_counter() -> None:
    places = [counters.limit_index(limit) for limit in counters.LIMITS]
    assert places == list(range(counters.LIMITED, counters.CACHE_ENTRIES))


@pytest.mark.parametrize(
    ("rcode", "column"),
    [
        (Rcode.NOERROR, "NOERROR"),
        (Rcode.REFUSED, "REFUSED"),
        (6, "other"),
        (Rcode.BADVERS, "other"),
    ],
)
def test_an_rcode_has_its_column(rcode: int, column: str) -> None:
    first = counters.response_index(Source.POLICY, 0)
    assert counters.RCODES[counters.response_index(Source.POLICY, rcode) - first] == column


@pytest.mark.parametrize(
    ("qtype", "column"),
    [
        (Rdatatype.A, "A"),
        (28, "AAAA"),
        (65, "HTTPS"),
        (64, "SVCB"),
        (16, "other"),
        (65280, "other"),
    ],
)
def test_a_hit_has_its_place(qtype: int, column: str) -> None:
    for trigger in Trigger:
        offset = counters.hit_offset(trigger, qtype)
        assert offset // len(counters.QTYPES) == trigger
        assert counters.QTYPES[offset % len(counters.QTYPES)] == column
        assert 0 <= offset < counters.HITS_SIZE


def test_the_columns_are_in_the_order_of_the_enumerations() -> None:
    assert [trigger.name.lower() for trigger in Trigger] == list(counters.TRIGGERS)
    assert len(Transport) + len(counters.SIGNALS) == counters.GROUP_SIZE


@pytest.mark.parametrize(
    ("seconds", "bucket", "microseconds"),
    [
        (0.0, 0, 0),
        (-1.0, 0, 0),
        (0.000050, 0, 50),
        (0.000051, 1, 51),
        (5.0, len(counters.BUCKETS) - 1, 5_000_000),
        (60.0, len(counters.BUCKETS), 60_000_000),
    ],
)
def test_an_observation_goes_to_one_bucket_and_the_sum(
    seconds: float, bucket: int, microseconds: int
) -> None:
    page = array("Q", [0] * 100)
    counters.observe(page, 10, seconds)
    expected = array("Q", [0] * 100)
    expected[10 + bucket] = 1
    expected[10 + counters.HISTOGRAM_SIZE - 1] = microseconds
    assert page == expected


def test_the_buckets_grow() -> None:
    assert list(counters.BUCKETS) == sorted(set(counters.BUCKETS))
