"""Regular expressions in lists: none is ever run, so none can be made to take for ever."""

import re

import pytest

from dnsguard.lists.errors import Refused
from dnsguard.lists.versions import examine
from tests.support.data import CHECKOUT
from tests.support.gateway import Gateway
from tests.support.generations import generation

IMPORT = re.compile(r"^\s*(import|cimport|from)\b.*\b(re|fnmatch)\b", re.MULTILINE)
NAMES = [f"name{number}.listed.example" for number in range(300)]
EVIL = ["(a+)+$", "^(a|a)*$", "([a-zA-Z]+)*$", "(.*a){25}", "^(([a-z])+.)+[A-Z]([a-z])+$"]
WRITTEN = {
    "adblock": ["/{}/", "/{}/$important", "@@/{}/"],
    "domains": ["{}", "/{}/", "regex:{}"],
    "dnsmasq": ["address=/{}/#", "server=/:{}:/"],
    "hosts": ["0.0.0.0 {}"],
    "rpz": ["{} CNAME ."],
}
FORMS = {
    "adblock": "||{}^",
    "domains": "{}",
    "dnsmasq": "address=/{}/#",
    "hosts": "0.0.0.0 {}",
    "rpz": "{} CNAME .",
}


@pytest.mark.parametrize("form", WRITTEN)
@pytest.mark.parametrize("text", EVIL)
def test_a_regular_expression_makes_no_rule(form: str, text: str) -> None:
    lines = [FORMS[form].format(name) for name in NAMES] + [
        line.format(text) for line in WRITTEN[form]
    ]
    found = examine("\n".join(lines).encode(), format=form)
    kept = {name for listed in found.names.values() for name in listed}
    assert all(name.endswith(b"\x06listed\x07example\0") for name in kept)
    assert found.dropped or found.passed_over


@pytest.mark.parametrize("form", WRITTEN)
def test_a_list_of_them_is_refused(form: str) -> None:
    lines = [line.format(text) for text in EVIL for line in WRITTEN[form]]
    with pytest.raises(Refused):
        examine("\n".join(lines).encode(), format=form)


@pytest.mark.parametrize("folder", ["core", "net", "evidence"])
def test_nothing_that_answers_queries_runs_any(folder: str) -> None:
    sources = list((CHECKOUT / "dnsguard" / folder).rglob("*.py*"))
    assert sources
    for path in sources:
        if path.suffix in (".py", ".pyx", ".pxd"):
            assert not IMPORT.search(path.read_text("utf-8")), path


def test_the_longest_name_is_looked_up_like_any_other() -> None:
    gateway = Gateway(generation(lists={"list": ["listed.example"]}))
    label = "a" * 63
    for name in (f"{label}.{label}.{label}.{'a' * 40}!.example", ".".join("a" * 120)):
        assert gateway.say("10.20.0.7", f"{name} A") == "192.0.2.1"
    assert gateway.say("10.20.0.7", f"{label}.{label}.{label}.listed.example A") == "0.0.0.0"
