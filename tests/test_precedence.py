"""The examples of docs/precedence.md, each asked of the code that serves."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dnsguard.cli.offline import build
from dnsguard.cli.why import render
from dnsguard.core.generation import Generation
from dnsguard.evidence.why import Inquiry
from tests.support.gateway import Gateway, Server, records_server

PAGE = (Path(__file__).parents[1] / "docs" / "precedence.md").read_text("utf-8")
_BLOCK = re.compile(r"^```(yaml|text|zone)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LIST_NAME = re.compile(r"[#!] (\S+\.txt)\n").match
_ROW = re.compile(r"^\| ([0-9.]+) \| (\S+) \| (.+?) \| (.+?) \|$", re.MULTILINE)
_ADDRESS = re.compile(r"\sIN\s+A\s+(\S+)$", re.MULTILINE)
_STATUS = re.compile(r"status: (\w+)").search


@dataclass(frozen=True)
class Example:
    """A row of the page, with the section that it stands in."""

    section: str
    device: str
    name: str
    answer: str
    because: str


def sections() -> dict[str, str]:
    titles_and_texts = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)[1:]
    return dict(zip(titles_and_texts[::2], titles_and_texts[1::2], strict=True))


SECTIONS = sections()
EXAMPLES = [Example(title, *row) for title, text in SECTIONS.items() for row in _ROW.findall(text)]


def write_files(section: str, folder: Path) -> Path:
    """Write the lists and the config of a section; return the path of the config."""
    config = folder / "dnsguard.yaml"
    for kind, text in _BLOCK.findall(SECTIONS[section]):
        if kind == "yaml":
            assert not config.exists()
            state = f"directories: {{state: {folder}, runtime: {folder}}}\n"
            config.write_text(text + state, "utf-8")
        elif kind == "text":
            name = _LIST_NAME(text)
            assert name, "the first line of a list is a comment with the name of its file"
            (folder / name[1]).write_text(text, "utf-8")
    return config


def upstream(section: str) -> Server:
    """Return the upstream of a section: it knows an address for whatever is not told there."""
    zones = [text for kind, text in _BLOCK.findall(SECTIONS[section]) if kind == "zone"]
    return records_server(*"".join(zones).splitlines())


def ask(example: Example, generation: Generation) -> dict[str, Any]:
    """Return what is told of an example, its answer included."""
    inquiry = Inquiry(generation, example.name, example.device, "A")
    if inquiry.forward is not None:
        gateway = Gateway(generation, upstream(example.section))
        gateway.resolver = inquiry.resolver
        inquiry.take(gateway.finish(inquiry.forward))
    return inquiry.explain()


def answered(explanation: dict[str, Any]) -> str:
    if explanation["verdict"] in ("pass", "never_block"):
        return "the real one"
    answer = explanation["answer"]
    status = _STATUS(answer)
    return ", ".join(_ADDRESS.findall(answer)) or (status[1] if status else answer)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"{e.section}: {e.device} {e.name}")
def test_an_example_is_as_the_page_says(example: Example, tmp_path: Path) -> None:
    generation, _ = build(write_files(example.section, tmp_path))
    explanation = ask(example, generation)
    assert answered(explanation) == example.answer
    told = "\n".join(render(explanation))
    for reason in example.because.split("; "):
        assert re.search(rf"{re.escape(reason)}$", told, re.MULTILINE), told


def test_every_table_row_is_an_example() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    assert len(rows) == len(EXAMPLES) + PAGE.count("| device |")
    assert {example.section for example in EXAMPLES} == SECTIONS.keys()
