"""The files of a config, as text: a config that can be served by, or problems that can be read.

NUL octets part the main file from those that it includes.
"""

import re
from collections.abc import Iterator, Sequence

from dnsguard.config import Config, ConfigError, Problem, Source, lint, parse
from dnsguard.config.problem import MAX_PROBLEMS
from dnsguard.control.build import build_generation
from dnsguard.control.counting import Ranges
from dnsguard.control.loading import Lists
from dnsguard.core.generation import parse_generation
from dnsguard.core.image import build_image
from dnsguard.core.networks import build_networks
from dnsguard.lists.compiled import Compiled
from tests.config.texts import FULL, MINIMAL, sources
from tests.support.gateway import Gateway, packed, question

_NO_LISTS = build_image([], seed=7) + build_networks([])
_EVERY_KEY = """\
listen: {dns: ["[::1]:5300"], admin: "127.0.0.1:9153"}
upstreams: [{url: "udp://192.0.2.53", trusted: true}, "tcp://[2001:db8::53]:53"]
forward_zones: {corp.example: ["udp://10.0.0.53"]}
local_records:
  - "a.example. 60 IN AAAA 2001:db8::1"
  - "b.example. 60 IN MX 10 a.example."
  - 'c.example. 60 IN TXT "x y"'
groups: {g: {subnets: [10.20.0.0/16], max_ttl: 1m}}
lists:
  far: {source: ["https://a.example/l.gz", "https://b.example/l"], format: hosts, sha256: null}
policies:
  p: {groups: [g], lists: [far], stage: shadow, answer: from-list, block: ["*.x.example.*"]}
rebinding: {allow: [intranet.example], protect: true}
cache: {size: 1MiB, serve_stale: 1d}
strip_ech: true
include: ["conf.d/*.yaml"]
"""
_FAULTY = [
    *("a: [b", "a: {b: c", "a: 'b", "\ta: b", "a: *b", "a: &b c", "a: !b c", "a: b: c", "- a", "a"),
    *(
        "a: 1\na: 2",
        '"\\e[2J": 1',
        'a: "\\e[2J"',
        'a: "\\UFFFFFFFF"',
        'a: "\\U00110000"',
        "a: b\n---\nc: d",
        "? [a]\n: b",
    ),
    *("[" * 30, "a: \x1b", "groups: {g: {subnets: [10.0.0.1/8, ::1/129, x, 1, null]}}"),
    *("upstreams: ['udp://a', 'tcp://[::1', 'udp://1.2.3.4:99999', {url: 1}]", "workers: 1.5"),
    *("local_records: ['a. 60 IN A x', 'a', '']", "lists: {a/b: {source: [], format: x}}"),
    "policies: {p: {groups: [x], lists: ['builtin:x', y], stage: on, answer: z, block: ['.']}}",
]
WORDS = sorted({word.encode() for word in re.findall(r"[\w.:/*-]{2,}", _EVERY_KEY + FULL)})


def run(data: bytes) -> None:
    """Have the texts parsed; what is valid is looked over, built and asked."""
    files = sources(*data.decode("utf-8", "replace").split("\0")[:4])
    try:
        config = parse(files)
    except ConfigError as error:
        _check_problems(error.problems, files, least=1)
    else:
        _check_problems(lint(config, files), files)
        _check_building(config)


def _check_problems(problems: Sequence[Problem], files: Sequence[Source], least: int = 0) -> None:
    assert least <= len(problems) <= MAX_PROBLEMS + 1
    lines = {source.path: source.text.count("\n") + 1 for source in files}
    for problem in problems:
        _check_text(problem.message)
        assert str(problem).isprintable()
        assert 0 <= problem.line <= lines[problem.file]


def _check_building(config: Config) -> None:
    lists = Lists((), Compiled(-1, {}))
    try:
        built = build_generation(config, lists, number=1, ranges=Ranges(), workers=1)
    except ValueError as error:
        _check_text(str(error))
        return
    gateway = Gateway(parse_generation(built, _NO_LISTS))
    wire = question("www.example.org A").to_wire()
    gateway.resolver.query(wire, packed("10.20.0.7"), 0, gateway.now)


def _check_text(text: str) -> None:
    assert text.isprintable()
    assert len(text) < 2000


def seeds() -> Iterator[bytes]:
    """Configs that are valid, alone and with files that they include, and such as are not."""
    yield MINIMAL.encode()
    yield FULL.encode()
    yield _EVERY_KEY.encode()
    yield MINIMAL.encode() + b"\0never_block: [city.example]\n\0groups: {lab: {subnets: [::1/128]}}"
    yield from (f"{line}\n".encode() for line in _EVERY_KEY.splitlines())
    yield from (text.encode() for text in _FAULTY)
