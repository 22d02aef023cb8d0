"""Scripts at random, for `subject.py` to run."""

from random import Random

from tests.compiled import messages
from tests.compiled.setups import SETUPS

_CLIENTS = (
    *("10.20.0.7", "10.20.0.9", "10.20.30.5", "10.30.1.1", "10.0.0.1", "2001:db8:20::1") * 3,
    *("::ffff:10.20.0.7", "fe80::1", "203.0.113.9"),
)
_TRANSPORTS = ("udp", "udp", "udp", "tcp", "dot", "doh", "doq")
_SECONDS = (*("0.001", "0.75", "1", "4.5") * 4, "29", "61", "300", "86400", "1e9")
_VERBS = {
    "query": 90,
    "answer": 30,
    "fail": 4,
    "refuse": 4,
    "stale": 10,
    "refresh": 2,
    "clock": 6,
    "swap": 1,
    "parse-query": 10,
    "parse-response": 10,
    "compose": 9,
}


def script(random: Random, steps: int) -> list[str]:
    """Return so many steps; the questions repeat, so that the cache is of use."""
    asked = [messages.question(random) for _ in range(6)]
    lines = [f"swap {random.randrange(len(SETUPS))}"]
    for verb in random.choices(tuple(_VERBS), tuple(_VERBS.values()), k=steps - 1):
        if random.random() < 0.1:
            asked[random.randrange(len(asked))] = messages.question(random)
        lines.append(_step(random, verb, asked))
    return lines


def _step(random: Random, verb: str, asked: list[bytes]) -> str:
    if verb == "query":
        client, transport = random.choice(_CLIENTS), random.choice(_TRANSPORTS)
        data = messages.query(random, random.choice(asked))
        return f"query {transport} {client} {data.hex() or '00'}"
    if verb == "answer":
        header, records = messages.response(random)
        return f"answer {_which(random)} {(header + records).hex()}"
    if verb == "fail":
        return f"fail {_which(random)} {random.choice((0, 22, 23))}"
    if verb in ("refuse", "stale"):
        return f"{verb} {_which(random)}"
    if verb == "refresh":
        header, records = messages.response(random)
        return f"refresh {(header + records).hex()}"
    if verb == "clock":
        return f"clock {random.choice(_SECONDS)}"
    if verb == "swap":
        return f"swap {random.randrange(len(SETUPS))}"
    if verb == "parse-query":
        data = messages.query(random, messages.question(random))
        return f"parse-query {random.choice(_TRANSPORTS)} {data.hex() or '00'}"
    question = messages.question(random)
    header, records = messages.response(random)
    if verb == "parse-response":
        echoed = question if random.random() < 0.9 else messages.mixed_case(random, question)
        trusted = random.choice(("trusted", "untrusted"))
        return f"parse-response {question.hex()} {trusted} 0000{(header + echoed + records).hex()}"
    return _compose(random, question, header + question + records)


def _which(random: Random) -> int:
    """Return which of the forwards that wait is meant: the latest more often than others."""
    return random.choice((-1, -1, -1, random.randrange(64)))


def _compose(random: Random, question: bytes, said: bytes) -> str:
    transport = random.choice(_TRANSPORTS)
    limit = random.choice((512, 512, 1232, 65_535))
    age = random.choice((0, 1, 299, 300, 100_000))
    ceiling = random.choice((0, 30, 0x7FFFFFFF))
    option = random.choice(("-", "000f00020016"))
    asked = messages.query(random, question) or b"\0"
    return f"compose {transport} {limit} {age} {ceiling} {option} {asked.hex()} 0000{said.hex()}"
