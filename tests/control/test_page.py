from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from dnsguard.control.page import choose_language, render_page
from tests.support.api import FakePlane, served

STATUS: dict[str, Any] = {
    "version": "0.1.0",
    "generation": 7,
    "policies": [
        {"name": "tiktok-ban", "stage": "enforce", "enforcing": True, "groups": ["staff"]},
        {"name": "trial", "stage": "shadow", "enforcing": False, "groups": ["<b>"]},
    ],
}


class Page(HTMLParser):
    """Collects the tags, the links and the text of a page; checks that it is well nested."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []
        self.language: str | None = None
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag != "meta":
            self.open.append(tag)
        given = dict(attrs)
        if tag == "html":
            self.language = given.get("lang")
        if tag == "a":
            self.links.append(given["href"] or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_shows_the_policies() -> None:
    page = Page(render_page(STATUS, ["list <partner>: gone"], "en"))
    assert page.language == "en"
    text = " ".join(page.text)
    for expected in ("dnsguard 0.1.0", "Not ready", "list <partner>: gone", "tiktok-ban", "<b>"):
        assert expected in text
    assert not {"script", "style", "b", "img"} & set(page.tags)
    assert {"h1", "main", "nav", "table", "th", "title"} <= set(page.tags)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_page_about_nothing_is_a_page(language: str) -> None:
    assert "table" not in Page(render_page({}, [], language)).tags


def test_the_page_is_in_the_language_asked_for_and_its_links_lead_somewhere() -> None:
    with served(FakePlane(document=STATUS)) as where:
        base = f"http://127.0.0.1:{where.port}"
        french = Page(httpx.get(f"{base}/", headers={"accept-language": "fr-CA,en;q=0.8"}).text)
        assert french.language == "fr"
        assert "Prêt" in french.text
        english = Page(httpx.get(f"{base}/?lang=en", headers={"accept-language": "fr"}).text)
        assert english.language == "en"
        assert len(french.links) == len(english.links) == 5
        for link in french.links + english.links:
            assert httpx.get(base + link).status_code == 200


@pytest.mark.parametrize(
    ("asked", "accepted", "chosen"),
    [
        ("", "", "en"),
        ("", "de, fr;q=0.5, en;q=0.4", "fr"),
        ("en", "fr", "en"),
        ("tlh", "fr", "fr"),
        ("", "en-GB", "en"),
    ],
)
def test_the_language_is_the_first_that_is_ours(asked: str, accepted: str, chosen: str) -> None:
    assert choose_language(asked, accepted) == chosen
