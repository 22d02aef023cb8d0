"""What UDP responses may say beyond ten times their query, by network."""

import dns.flags
import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsguard.core import counters
from dnsguard.core.amplification import BURST, FACTOR, MAX_BUDGETS, RATE, Amplification
from dnsguard.core.answer import Answer, compose_response
from dnsguard.core.clients import AddressTable
from dnsguard.core.edns import blocked_option, ede_option
from dnsguard.core.protocol import Ede, EdnsOption, Source, Transport
from dnsguard.core.wire import parse_query
from tests.support.gateway import Gateway, packed, question
from tests.support.generations import generation
from tests.support.strategies import option, with_options

OURS = [Ede.OTHER, Ede.CACHED_ERROR, Ede.STALE_ANSWER, Ede.STALE_NXDOMAIN_ANSWER]
CLIENT = packed("10.20.0.7")


class TestBudgets:
    def test_a_burst_then_the_rate(self) -> None:
        budgets = Amplification()
        assert sum(budgets.draw(CLIENT, 1024, 0.0) for _ in range(1000)) == BURST // 1024
        assert sum(budgets.draw(CLIENT, 1024, 0.5) for _ in range(1000)) == RATE // 2048
        assert sum(budgets.draw(CLIENT, 1024, 3600.0) for _ in range(1000)) == BURST // 1024

    def test_what_is_refused_costs_nothing(self) -> None:
        budgets = Amplification()
        assert not budgets.draw(CLIENT, BURST + 1, 0.0)
        assert budgets.draw(CLIENT, BURST, 0.0)

    @pytest.mark.parametrize(
        ("one", "neighbour", "stranger"),
        [
            ("10.20.0.7", "10.20.0.255", "10.20.1.7"),
            ("10.20.0.7", "::ffff:10.20.0.8", "::ffff:10.20.1.7"),
            ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"),
        ],
    )
    def test_a_network_has_one_budget(self, one: str, neighbour: str, stranger: str) -> None:
        budgets = Amplification()
        assert budgets.draw(packed(one), BURST, 0.0)
        assert not budgets.draw(packed(neighbour), 1, 0.0)
        assert budgets.draw(packed(stranger), BURST, 0.0)

    def test_who_is_exempt_has_no_bound(self) -> None:
        budgets = Amplification()
        budgets.configure(AddressTable([(packed("10.20.0.8"), 32, 1)]))
        for _ in range(3):
            assert budgets.draw(packed("10.20.0.8"), BURST, 0.0)
        assert not budgets.draw(CLIENT, 1, 0.0)

    def test_a_clock_that_stands_or_goes_back_gives_nothing(self) -> None:
        budgets = Amplification()
        assert budgets.draw(CLIENT, BURST, 100.0)
        assert not budgets.draw(CLIENT, 1, 100.0)
        assert not budgets.draw(CLIENT, 1, 50.0)

    def test_forged_networks_cannot_grow_the_table_or_get_more(self) -> None:
        budgets = Amplification()
        networks = [bytes([10]) + number.to_bytes(2, "big") + b"\1" for number in range(6000)]
        assert sum(budgets.draw(one, BURST, 0.0) for one in networks) == MAX_BUDGETS
        assert len(budgets) == MAX_BUDGETS
        assert not budgets.draw(packed("192.168.1.1"), 1, 0.5)
        assert budgets.draw(packed("192.168.1.1"), 1, 2.0), "those not drawn from are forgotten"
        assert len(budgets) == 1

    def test_a_budget_in_use_is_not_forgotten(self) -> None:
        budgets = Amplification()
        for number in range(MAX_BUDGETS):
            budgets.draw(bytes([10]) + number.to_bytes(2, "big") + b"\1", 1, 0.0)
        assert budgets.draw(bytes([10, 0, 0, 1]), BURST, 2.0)
        assert budgets.draw(packed("192.168.1.1"), 1, 2.0)
        assert not budgets.draw(bytes([10, 0, 0, 1]), 1, 2.0)

    @given(st.lists(st.tuples(st.integers(1, 5000), st.floats(0.0, 1.0)), max_size=300))
    def test_never_more_than_the_burst_and_the_rate(self, draws: list[tuple[int, float]]) -> None:
        budgets = Amplification()
        now = 0.0
        drawn = 0
        for octets, later in draws:
            now += later
            drawn += octets if budgets.draw(CLIENT, octets, now) else 0
        assert drawn <= BURST + RATE * now + 1


def large(query: dns.message.Message) -> dns.message.Message:
    """Answer with a kilobyte."""
    response = dns.message.make_response(query, recursion_available=True)
    text = " ".join([f'"{"x" * 250}"'] * 4)
    response.answer.append(dns.rrset.from_text(query.question[0].name, 300, "IN", "TXT", text))
    return response


class TestResponses:
    QUERY = question("large.example.org TXT")
    SIZE = len(QUERY.to_wire())

    def test_a_reflector_gets_ten_times_its_query_and_the_burst(self) -> None:
        gateway = Gateway(generation(), large)
        sent = []
        for _ in range(500):
            answer = gateway.ask("192.168.1.5", self.QUERY)
            assert answer is not None
            sent.append(len(answer.to_wire()))
        assert max(sent) > FACTOR * self.SIZE
        assert sum(sent) <= 500 * FACTOR * self.SIZE + BURST
        assert sent[-1] <= self.SIZE
        truncated = sum(size <= self.SIZE for size in sent)
        place = counters.limit_index("amplification")
        assert gateway.page[place] == truncated == 500 - sum(size > self.SIZE for size in sent)

    def test_the_truncated_one_is_well_formed_and_tcp_has_all(self) -> None:
        gateway = Gateway(generation(), large)
        answers = [gateway.ask("192.168.1.5", self.QUERY) for _ in range(500)]
        last = answers[-1]
        assert last is not None
        assert last.flags & dns.flags.TC
        assert (last.answer, last.edns, last.question) == ([], 0, self.QUERY.question)
        whole = gateway.ask("192.168.1.5", self.QUERY, Transport.TCP)
        assert whole is not None
        assert len(whole.answer) == 1

    def test_who_has_a_server_cookie_is_no_victim(self) -> None:
        gateway = Gateway(generation(), large)
        asked = self.QUERY.to_wire()[12:-11]
        address = packed("192.168.1.5")
        cookie = option(EdnsOption.COOKIE, b"abcdefgh")

        def ask() -> dns.message.Message:
            outcome = gateway.resolver.query(
                with_options(cookie, asked), address, Transport.UDP, gateway.now
            )
            assert isinstance(outcome, bytes)
            return dns.message.from_wire(outcome)

        gateway.ask("192.168.1.5", self.QUERY)
        answers = [ask() for _ in range(500)]
        assert answers[-1].flags & dns.flags.TC
        cookie = option(EdnsOption.COOKIE, answers[-1].options[0].to_wire() or b"")
        assert not any(ask().flags & dns.flags.TC for _ in range(500))

    @pytest.mark.parametrize("options", [b"", option(EdnsOption.COOKIE, b"abcdefgh"), None])
    def test_options_alone_never_make_ten_times(self, options: bytes | None) -> None:
        """So a response whose records are no longer than its query needs no look."""
        root = b"\0\0\1\0\1"
        data = b"\0\0\1\0\0\1" + bytes(6) + root
        if options is not None:
            data = with_options(options, root)
        query = parse_query(data)
        assert query is not None
        query.response_options = bytes(28) if options else b""
        errors = [ede_option(code) for code in (Ede.NO_REACHABLE_AUTHORITY, Ede.NOT_READY)]
        for said in (b"".join(errors), blocked_option("x" * 63), *map(ede_option, OURS)):
            records = Answer(0, bytes(len(data)), ancount=1)
            response = compose_response(query, records, 65_535, option=said)
            assert len(response) <= FACTOR * len(data)

    def test_it_does_not_matter_where_an_answer_comes_from(self) -> None:
        gateway = Gateway(
            generation(
                serve_stale=3600,
                local_records=[f'local.example.org. 300 IN TXT "{"y" * 250}" "{"y" * 250}"'],
            ),
            large,
        )
        gateway.resolver.replies.amplification.draw(packed("192.168.1.5"), BURST, gateway.now)
        for name, source in (
            ("local.example.org TXT", Source.LOCAL),
            ("large.example.org TXT", Source.UPSTREAM),
            ("large.example.org TXT", Source.CACHE),
        ):
            answer = gateway.ask("192.168.1.5", question(name))
            assert answer is not None
            assert gateway.resolver.replies.source == source
            assert answer.flags & dns.flags.TC
