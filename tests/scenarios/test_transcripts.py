"""What happens over time, told in transcripts/*.txt and played to the core with a clock of ours."""

from pathlib import Path

import pytest

from tests.scenarios.transcripts import Player, read_transcripts


@pytest.mark.parametrize("path", read_transcripts(), ids=lambda path: path.stem)
def test_transcript(path: Path) -> None:
    Player().play(path.read_text("utf-8"))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("ask a.example A", "an upstream is asked at the end"),
        ("ask a.example A\nsees NODATA", "line 2: sees NODATA: an upstream is asked"),
        ("block a.example\nask a.example A\nasked a.example A", "no upstream is asked"),
        ("block a.example\nask a.example A", "an answer that no line tells"),
        ("block a.example\nask a.example A\nsees NXDOMAIN EDE 15", "0.0.0.0"),
        ("block a.example\nask a.example A\nsees 0.0.0.0", r"EDE \[15\]"),
    ],
)
def test_a_transcript_that_is_not_so_fails(text: str, fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        Player().play(text)
