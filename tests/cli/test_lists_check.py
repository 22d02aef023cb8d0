import gzip
import json
from pathlib import Path

import pytest

from dnsguard.cli.lists import check, examination
from tests.support.command import CONFIG, dnsguard, write_config

NAMES = "".join(f"n{number}.example.org\n" for number in range(300))
MIXED = f"""\
# dating and social
=exact.example.net
*.dating.example.*
co.uk
city.example
192.0.2.1
blogspot.com
bad name
{NAMES}"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path, CONFIG + "never_block: [city.example]\n")


def write(directory: Path, text: str | bytes) -> Path:
    path = directory / "list.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_all_that_there_is_to_say_of_a_file(tmp_path: Path, config: Path) -> None:
    result = dnsguard("lists", "check", "-c", config, write(tmp_path, MIXED))
    assert result.exit_code == 0
    for expected in (
        "list.txt: 5 KiB, sha256 ",
        "format domains\n",
        "names 303\n",
        "  suffix 301 (the name and all below it)\n",
        "  exact 1 (the name alone)\n",
        "  embedded 1 (the name's labels anywhere)\n",
        "wrong 1\n  more than one word where a name should be 1\n",
        "  line 8: more than one word where a name should be: 'bad name'\n",
        "dropped 3\n",
        "  address 1 (an IP address where a name should be)\n",
        "  public-suffix 1 (all names below a public suffix such as co.uk)\n",
        "  never-block 1 (in the way of 'never_block')\n",
        "  co.uk: public-suffix",
        "warnings\n  blogspot.com: many owners share",
    ):
        assert expected in result.stdout
    assert result.stdout.endswith("\naccepted\n")


def test_json_says_the_same(tmp_path: Path, config: Path) -> None:
    path = write(tmp_path, MIXED)
    result = dnsguard("lists", "check", "-c", config, path, "--json")
    document = json.loads(result.stdout)
    assert document["file"] == str(path)
    assert document["names"] == {"exact": 1, "embedded": 1, "suffix": 301}
    assert document["bad"] == {"more than one word where a name should be": 1}
    assert document["dropped"] == {"address": 1, "public-suffix": 1, "never-block": 1}
    assert [sample["line"] for sample in document["samples"]] == [6, 8]
    assert document["refused"] is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("# nothing\n", "empty"),
        ("<!DOCTYPE html>\n<title>parked</title>\n", "html"),
        ("co.uk\ncom\norg\n" + NAMES[:200], "forbidden"),
        ("one two\n" * 10 + NAMES[:200], "bad-lines"),
        (gzip.compress(NAMES.encode())[:-9], "truncated"),
        (gzip.compress(NAMES.encode()) + b"more", "compression"),
    ],
)
def test_what_would_be_refused_fails_and_says_why(
    tmp_path: Path, config: Path, text: str | bytes, reason: str
) -> None:
    path = write(tmp_path, text)
    result = dnsguard("lists", "check", "-c", config, path)
    assert result.exit_code == 1
    assert f"\nrefused ({reason}): " in result.stdout
    result = dnsguard("lists", "check", "-c", config, path, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["refused"]["reason"] == reason


def test_what_is_refused_is_shown_too(tmp_path: Path, config: Path) -> None:
    result = dnsguard("lists", "check", "-c", config, write(tmp_path, "com\n" * 2 + "one two\n"))
    assert "line 3: more than one word" in result.stdout
    assert "  com: top-level" in result.stdout


def test_a_compressed_file_is_read(tmp_path: Path, config: Path) -> None:
    path = write(tmp_path, gzip.compress(NAMES.encode()))
    assert "names 300\n" in dnsguard("lists", "check", "-c", config, path).stdout


def test_format_and_match_are_those_of_the_config(tmp_path: Path, config: Path) -> None:
    path = write(tmp_path, "0.0.0.0 www.example.org\n")
    asked = ("lists", "check", "-c", config, path, "--json")
    assert json.loads(dnsguard(*asked).stdout)["names"] == {"exact": 1}
    matched = json.loads(dnsguard(*asked, "--match", "suffix").stdout)
    assert (matched["format"], matched["names"]) == ("hosts", {"suffix": 1})
    assert dnsguard(*asked, "--format", "domains").exit_code == 1
    assert dnsguard(*asked, "--format", "csv").exit_code == 2


def test_exceptions_and_what_is_passed_over_are_counted(tmp_path: Path, config: Path) -> None:
    path = write(tmp_path, "||a.example^\n@@||b.a.example^\na.example##.banner\n")
    result = dnsguard("lists", "check", "-c", config, path)
    assert "format adblock\nnames 1\n" in result.stdout
    assert "\nexceptions 1\npassed over 1\n" in result.stdout


def test_addresses_are_counted(tmp_path: Path, config: Path) -> None:
    path = write(tmp_path, "203.0.113.0/24\n2001:db8:7::/48\n")
    result = dnsguard("lists", "check", "-c", config, path, "--format", "cidr")
    assert "format cidr\naddresses 2\naccepted\n" in result.stdout


def test_nothing_moves_the_cursor(tmp_path: Path, config: Path) -> None:
    path = tmp_path / "\x9b2J\rlist.txt"
    path.write_bytes(b"\x1b[2J.example\r\n\x9b31m.example\n\xff\n" + NAMES.encode())
    shown = dnsguard("lists", "check", "-c", config, path).output
    assert not {"\x1b", "\r", "\x9b"} & set(shown)


def test_without_a_config_nothing_is_never_blocked(
    tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    option = next(one for one in check.command.params if one.name == "config_path")
    path = write(tmp_path, "city.example\n")
    monkeypatch.setattr(option, "default", tmp_path / "none.yaml")
    assert dnsguard("lists", "check", path).exit_code == 0
    monkeypatch.setattr(option, "default", config)
    assert dnsguard("lists", "check", path).exit_code == 1


def test_a_config_that_is_named_must_be_right(tmp_path: Path) -> None:
    path = write(tmp_path, NAMES)
    assert dnsguard("lists", "check", "-c", tmp_path / "none.yaml", path).exit_code == 2
    broken = write_config(tmp_path, "groups: 7\n")
    result = dnsguard("lists", "check", "-c", broken, path)
    assert result.exit_code == 2
    assert "groups" in result.stdout


def test_a_file_that_is_none_is_wrong_usage(tmp_path: Path, config: Path) -> None:
    for path in (tmp_path / "gone.txt", tmp_path):
        assert dnsguard("lists", "check", "-c", config, path).exit_code == 2


def test_more_than_any_list_is_not_read(
    tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "MAX_SIZE", 1_024)
    result = dnsguard("lists", "check", "-c", config, write(tmp_path, NAMES))
    assert result.exit_code == 1
    assert result.stderr.endswith("list.txt: it is larger than 1 KiB: no list needs that much\n")
