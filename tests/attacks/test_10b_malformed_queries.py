"""Row 10b: malformed queries, every class of them, over UDP and TCP.

None meets silence but those that deserve it, and none is passed on.
"""

from collections.abc import Iterator

import pytest

from tests.support.hostile_queries import QUERIES, hostile_queries
from tests.support.replay import MOST, SEED, Besieged, besieged


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    with besieged(tmp_path_factory.mktemp("city")) as started:
        yield started


@pytest.mark.parametrize("tcp", [False, True], ids=["UDP", "TCP"])
@pytest.mark.parametrize("kind", QUERIES)
def test_every_query_has_the_reply_that_is_due(target: Besieged, kind: str, *, tcp: bool) -> None:
    with target.unharmed():
        target.replay_queries(hostile_queries(kind, SEED, MOST), tcp=tcp)


def test_what_has_been_sent_before_takes_no_more_memory(target: Besieged) -> None:
    with target.unharmed(), target.growing_little():
        for kind in QUERIES:
            target.replay_queries(hostile_queries(kind, SEED, MOST), tcp=False)
            target.replay_queries(hostile_queries(kind, SEED, MOST), tcp=True)
