"""When upstreams fail: stale answers (RFC 8767), remembered failures (RFC 9520), refreshing."""

import dns.message
import dns.rcode
import pytest

from dnsguard.core import counters
from dnsguard.core.cache import MIN_REFRESHED, POPULAR
from dnsguard.core.forward import Forward
from dnsguard.core.protocol import AD, Ede, Source, Transport
from dnsguard.core.resolver import FAILURE_TTL, MAX_REFRESHES, PATIENCE, STALE_RETRY, STALE_TTL
from tests.support.gateway import (
    Gateway,
    Server,
    extended_errors,
    question,
    read,
    records_server,
    said,
)
from tests.support.generations import Ban, Setup

STAFF, OTHER = "10.20.0.7", "192.168.1.5"
DAY = 86_400
ASKED = "www.example.org A"


def failing(rcode: dns.rcode.Rcode) -> Server:
    def serve(query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query)
        response.set_rcode(rcode)
        return response

    return serve


def gateway(*records: str, serve_stale: int = DAY, **fields: object) -> Gateway:
    setup = Setup(serve_stale=serve_stale, **fields)  # type: ignore[arg-type]
    return Gateway(setup.generation(), records_server(*records))


def expired(*records: str, seconds: float = 3600, **fields: object) -> Gateway:
    """Return a gateway that knew an answer until so long ago, and whose upstream fails."""
    there = gateway(*records, **fields)  # type: ignore[arg-type]
    there.say(OTHER, ASKED)
    there.now += 300 + seconds
    there.server = failing(dns.rcode.SERVFAIL)
    return there


class TestStale:
    @pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.NOTIMP])
    def test_an_old_answer_is_better_than_none(self, rcode: dns.rcode.Rcode) -> None:
        there = expired()
        there.server = failing(rcode)
        answer = there.ask(OTHER, question(ASKED))
        assert said(answer) == "192.0.2.1"
        assert answer is not None
        assert answer.answer[0].ttl == STALE_TTL
        assert extended_errors(answer) == [Ede.STALE_ANSWER]
        assert there.resolver.replies.source == Source.STALE

    def test_no_ttl_grows(self) -> None:
        there = expired("www.example.org. 7 IN A 192.0.2.9", seconds=0)
        answer = there.ask(OTHER, question(ASKED))
        assert answer is not None
        assert answer.answer[0].ttl == 7

    def test_without_edns_it_is_not_told(self) -> None:
        answer = expired().ask(OTHER, question(ASKED, edns=False))
        assert said(answer) == "192.0.2.1"
        assert extended_errors(answer) == []

    def test_an_old_nxdomain_is_told_as_such(self) -> None:
        there = gateway()
        there.server = nxdomain
        assert there.say(OTHER, ASKED) == "NXDOMAIN"
        there.now += 3600
        there.server = failing(dns.rcode.SERVFAIL)
        answer = there.ask(OTHER, question(ASKED))
        assert said(answer) == "NXDOMAIN"
        assert extended_errors(answer) == [Ede.STALE_NXDOMAIN_ANSWER]

    def test_it_is_given_for_so_long(self) -> None:
        assert expired(seconds=DAY - 1).say(OTHER, ASKED) == "192.0.2.1"
        assert expired(seconds=DAY).say(OTHER, ASKED) == "SERVFAIL"
        assert expired(seconds=0, serve_stale=0).say(OTHER, ASKED) == "SERVFAIL"

    def test_it_is_given_at_once_for_a_while_after_a_failure(self) -> None:
        there = expired()
        there.say(OTHER, ASKED)
        there.now += STALE_RETRY - 1
        assert isinstance(there.send(OTHER, ASKED), bytes)
        assert there.resolver.replies.source == Source.STALE
        there.now += 1
        assert isinstance(there.send(OTHER, ASKED), Forward)

    def test_a_fresh_answer_takes_its_place(self) -> None:
        there = expired()
        there.say(OTHER, ASKED)
        there.now += STALE_RETRY
        there.server = records_server("www.example.org. 60 IN A 192.0.2.9")
        assert there.say(OTHER, ASKED) == "192.0.2.9"
        assert isinstance(there.send(OTHER, ASKED), bytes)
        assert there.resolver.replies.source == Source.CACHE

    def test_a_fresh_nxdomain_takes_its_place(self) -> None:
        there = expired()
        there.server = nxdomain
        assert there.say(OTHER, ASKED) == "NXDOMAIN"

    def test_whoever_waits_is_given_it_in_the_end(self) -> None:
        there = expired()
        forward = there.send(OTHER, ASKED)
        assert isinstance(forward, Forward)
        assert forward.patience == there.now + PATIENCE
        there.now += PATIENCE
        answer = read(there.resolver.stale(forward, there.now))
        assert said(answer) == "192.0.2.1"
        assert extended_errors(answer) == [Ede.STALE_ANSWER]
        assert isinstance(there.send(OTHER, ASKED), bytes)

    def test_whoever_cannot_be_given_any_waits_on(self) -> None:
        there = gateway()
        forward = there.send(OTHER, ASKED)
        assert isinstance(forward, Forward)
        assert forward.patience == 0
        assert there.resolver.stale(forward, there.now) is None

    def test_what_other_upstreams_said_is_not_given(self) -> None:
        there = expired()
        forward = there.send(OTHER, ASKED)
        assert isinstance(forward, Forward)
        there.swap(Setup(upstreams=["udp://192.0.2.99:53"], serve_stale=DAY).generation())
        assert there.resolver.stale(forward, there.now) is None
        assert said(read(there.finish(forward))) == "SERVFAIL"

    def test_policy_comes_first(self) -> None:
        there = expired()
        assert there.say(STAFF, ASKED) == "192.0.2.1"
        there.swap(
            Setup(policies={"ban": Ban(block=["example.org"])}, serve_stale=DAY).generation()
        )
        assert there.say(STAFF, ASKED) == "0.0.0.0"
        assert there.say(OTHER, ASKED) == "192.0.2.1"

    def test_policy_is_asked_about_all_of_it(self) -> None:
        there = expired("www.example.org. 300 IN CNAME www.tiktok.com.")
        assert there.say(OTHER, ASKED) == "www.tiktok.com. 192.0.2.1"
        assert there.say(STAFF, ASKED) == "0.0.0.0"

    def test_it_was_authentic_when_it_was_fresh(self) -> None:
        there = expired()
        [entry] = [entry for entry in there.resolver.cache if entry.answer is not None]
        entry.answer.authentic = True  # type: ignore[union-attr]
        asked = question(ASKED)
        asked.flags |= AD
        answer = there.ask(OTHER, asked)
        assert said(answer) == "192.0.2.1"
        assert answer is not None
        assert not answer.flags & AD

    def test_a_group_ceiling_holds(self) -> None:
        there = expired(max_ttl={"staff": 5})
        answer = there.ask(STAFF, question(ASKED))
        assert answer is not None
        assert answer.answer[0].ttl == 5


def nxdomain(query: dns.message.Message) -> dns.message.Message:
    response = records_server("www.example.org. 300 IN TXT x")(query)
    response.set_rcode(dns.rcode.NXDOMAIN)
    return response


class TestFailures:
    def test_one_is_remembered(self) -> None:
        there = gateway()
        there.say(OTHER, "known.example.org A")
        there.server = failing(dns.rcode.SERVFAIL)
        assert there.say(OTHER, ASKED) == "SERVFAIL"
        there.now += FAILURE_TTL - 0.1
        answer = read(there.send(OTHER, ASKED))  # type: ignore[arg-type]
        assert said(answer) == "SERVFAIL"
        assert extended_errors(answer) == [Ede.CACHED_ERROR, Ede.NO_REACHABLE_AUTHORITY]
        there.now += 0.1
        assert isinstance(there.send(OTHER, ASKED), Forward)

    def test_an_upstreams_reason_is_a_number_from_memory_too(self) -> None:
        there = gateway()
        forward = there.send(OTHER, ASKED)
        assert isinstance(forward, Forward)
        told = read(there.resolver.failure(forward, Ede.PROHIBITED, there.now))
        again = read(there.send(OTHER, ASKED))  # type: ignore[arg-type]
        for answer in (told, again):
            assert answer is not None
            assert "not admitted" not in " ".join(map(str, answer.options))
            assert Ede.PROHIBITED in extended_errors(answer)

    def test_it_is_of_that_question_alone(self) -> None:
        there = gateway()
        there.server = failing(dns.rcode.SERVFAIL)
        there.say(OTHER, ASKED)
        assert isinstance(there.send(OTHER, "www.example.org AAAA"), Forward)
        assert isinstance(there.send(OTHER, "www.example.net A"), Forward)

    def test_what_was_our_own_want_is_not_remembered(self) -> None:
        there = gateway()
        forward = there.send(OTHER, ASKED)
        assert isinstance(forward, Forward)
        answer = read(there.resolver.failure(forward, Ede.OTHER, there.now))
        assert extended_errors(answer) == [Ede.OTHER]
        assert isinstance(there.send(OTHER, ASKED), Forward)

    def test_other_upstreams_are_asked_at_once(self) -> None:
        there = gateway()
        forward = there.send(OTHER, ASKED)
        assert isinstance(forward, Forward)
        there.swap(Setup(upstreams=["udp://192.0.2.99:53"]).generation())
        there.resolver.failure(forward, Ede.NETWORK_ERROR, there.now)
        assert there.say(OTHER, ASKED) == "192.0.2.1"

    def test_until_an_upstream_answered_we_were_not_ready(self) -> None:
        there = gateway()
        server, there.server = there.server, failing(dns.rcode.SERVFAIL)
        answer = there.ask(OTHER, question(ASKED))
        assert extended_errors(answer) == [Ede.NO_REACHABLE_AUTHORITY, Ede.NOT_READY]
        there.server = server
        there.say(OTHER, "known.example.org A")
        there.server = failing(dns.rcode.SERVFAIL)
        answer = there.ask(OTHER, question("other.example.org A"))
        assert extended_errors(answer) == [Ede.NO_REACHABLE_AUTHORITY]

    def test_a_blocked_name_is_blocked_all_the_same(self) -> None:
        there = gateway()
        there.server = failing(dns.rcode.SERVFAIL)
        assert there.say(OTHER, "www.tiktok.com A") == "SERVFAIL"
        assert there.say(STAFF, "www.tiktok.com A") == "0.0.0.0"


class TestNoRoom:
    def refused(self, there: Gateway, transport: Transport) -> dns.message.Message:
        forward = there.send(OTHER, question(ASKED), transport)
        assert isinstance(forward, Forward)
        answer = read(there.resolver.refuse(forward, there.now))
        assert answer is not None
        return answer

    def test_whoever_may_be_forged_is_sent_to_tcp(self) -> None:
        there = gateway()
        answer = self.refused(there, Transport.UDP)
        assert said(answer) == "truncated"
        assert (answer.rcode(), answer.answer, answer.edns) == (dns.rcode.NOERROR, [], 0)
        assert there.page[counters.response_index(Source.REFUSED, dns.rcode.NOERROR)] == 1
        assert isinstance(there.send(OTHER, ASKED), Forward), "nothing is remembered"

    @pytest.mark.parametrize("transport", [Transport.TCP, Transport.DOH])
    def test_whoever_may_not_is_told_why(self, transport: Transport) -> None:
        there = gateway()
        answer = self.refused(there, transport)
        assert (said(answer), extended_errors(answer)) == ("SERVFAIL", [Ede.OTHER])
        assert isinstance(there.send(OTHER, ASKED), Forward), "nothing is remembered"

    @pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP])
    def test_an_old_answer_is_better_than_none(self, transport: Transport) -> None:
        there = expired()
        answer = self.refused(there, transport)
        assert (said(answer), extended_errors(answer)) == ("192.0.2.1", [Ede.STALE_ANSWER])


def used(there: Gateway, times: int, seconds: float) -> list[Forward]:
    """Return what is to be refreshed after an answer was used so often, last after so long."""
    there.say(OTHER, ASKED)
    for _ in range(times - 1):
        there.say(OTHER, ASKED)
    there.now += seconds
    there.say(OTHER, ASKED)
    return there.resolver.refreshes


class TestRefreshing:
    def test_a_popular_answer_is_refreshed_in_the_last_tenth_of_its_time(self) -> None:
        there = gateway()
        assert used(there, POPULAR + 1, 269) == []
        there.now += 1
        assert there.say(OTHER, ASKED) == "192.0.2.1"
        [forward] = there.resolver.refreshes
        there.say(OTHER, ASKED)
        assert len(there.resolver.refreshes) == 1, "once is enough"
        there.server = records_server("www.example.org. 300 IN A 192.0.2.9")
        there.refresh(forward)
        assert there.say(OTHER, ASKED) == "192.0.2.9"
        there.now += 299
        assert isinstance(there.send(OTHER, ASKED), bytes)

    def test_one_that_few_ask_for_is_not(self) -> None:
        assert used(gateway(), POPULAR, 299) == []
        assert len(used(gateway(), POPULAR + 1, 299)) == 1

    def test_one_that_is_short_is_not(self) -> None:
        short = f"www.example.org. {MIN_REFRESHED - 1} IN A 192.0.2.1"
        assert used(gateway(short), 9, MIN_REFRESHED - 1.1) == []
        long = f"www.example.org. {MIN_REFRESHED} IN A 192.0.2.1"
        assert len(used(gateway(long), 9, MIN_REFRESHED - 1)) == 1

    def test_a_failure_leaves_what_is_there(self) -> None:
        there = gateway()
        [forward] = used(there, 9, 290)
        there.server = failing(dns.rcode.SERVFAIL)
        there.refresh(forward)
        assert there.say(OTHER, ASKED) == "192.0.2.1"

    def test_what_is_local_is_not_refreshed(self) -> None:
        assert used(gateway(local_records=["www.example.org. 20 IN A 10.0.0.9"]), 9, 19) == []

    def test_there_is_a_bound(self) -> None:
        there = gateway(cache_size=1 << 20)
        for number in range(MAX_REFRESHES + 2):
            for _ in range(POPULAR + 2):
                there.say(OTHER, f"n{number}.example.org A")
        there.now += 290
        for number in range(MAX_REFRESHES + 2):
            there.say(OTHER, f"n{number}.example.org A")
        assert len(there.resolver.refreshes) == MAX_REFRESHES

    def test_policy_of_the_time_holds(self) -> None:
        there = gateway()
        [forward] = used(there, 9, 290)
        there.server = records_server("www.example.org. 300 IN CNAME www.tiktok.com.")
        there.refresh(forward)
        assert there.say(STAFF, ASKED) == "0.0.0.0"
        assert there.say(OTHER, ASKED) == "www.tiktok.com. 192.0.2.1"
