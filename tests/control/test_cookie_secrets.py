"""The secrets of server cookies: kept, closed to others, renewed, and never in the way."""

import json
from contextlib import suppress
from pathlib import Path

import pytest

from dnsguard.control.cookie_secrets import MAX_AGE, CookieSecrets
from tests.support.bad_disk import BAD_DISKS, bad_disk

NOW = 1_700_000_000.0
FILE = "cookie-secrets.json"


def kept(folder: Path, now: float = NOW) -> tuple[bytes, ...]:
    secrets = CookieSecrets(folder)
    taken = secrets.take(now)
    assert secrets.keep() is None
    return taken


def test_they_are_made_once_and_stay_over_restarts(tmp_path: Path) -> None:
    secrets = CookieSecrets(tmp_path / "state")
    [taken] = secrets.take(NOW)
    assert len(taken) == 16
    assert secrets.take(NOW + 1) == (taken,)
    assert not (tmp_path / "state").exists(), "nothing is written before what they are for is live"
    assert secrets.keep() is None
    assert kept(tmp_path / "state", NOW + 10) == (taken,)
    assert kept(tmp_path / "elsewhere") != (taken,)


def test_they_are_their_owner_s(tmp_path: Path) -> None:
    kept(tmp_path)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_what_is_written_is_not_written_again(tmp_path: Path) -> None:
    secrets = CookieSecrets(tmp_path)
    secrets.take(NOW)
    secrets.keep()
    (tmp_path / FILE).unlink()
    secrets.take(NOW + 1)
    assert secrets.keep() is None
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("restart", [False, True])
def test_the_one_before_stays_good(tmp_path: Path, restart: bool) -> None:
    secrets = CookieSecrets(tmp_path)
    taken = secrets.take(NOW)
    now = NOW
    for _ in range(3):
        secrets.keep()
        if restart:
            secrets = CookieSecrets(tmp_path)
        now += MAX_AGE - 1
        assert secrets.take(now) == taken
        now += 1
        renewed = secrets.take(now)
        assert renewed[1:] == taken[:1]
        assert renewed[0] not in taken
        taken = renewed


def test_a_clock_that_went_back_costs_one_change(tmp_path: Path) -> None:
    first = kept(tmp_path)
    second = kept(tmp_path, NOW - 10)
    assert second[1:] == first
    assert kept(tmp_path, NOW - 9) == second


@pytest.mark.parametrize(
    "damage",
    [
        *(b"", b"{", b"\xff", b"[]", b"1", b"{}", b"[" * 100_000),
        b'{"made": 1700000000, "secrets": []}',
        b'{"made": 1700000000, "secrets": ["00"]}',
        b'{"made": 1700000000, "secrets": ["zz"]}',
        b'{"made": 1700000000, "secrets": "00"}',
        b'{"made": 1700000000, "secrets": [1]}',
        b'{"made": null, "secrets": ["00000000000000000000000000000000"]}',
    ],
    ids=range(13),
)
def test_a_damaged_file_gives_new_ones(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    before = kept(tmp_path)
    (tmp_path / FILE).write_bytes(damage)
    [taken] = kept(tmp_path)
    assert (taken,) != before
    assert "cannot be read: DNS clients are given new cookies" in caplog.text
    assert kept(tmp_path) == (taken,)


def test_a_time_that_is_none_counts_as_too_old(tmp_path: Path) -> None:
    before = kept(tmp_path)
    document = {"made": float("nan"), "secrets": [before[0].hex()]}
    (tmp_path / FILE).write_text(json.dumps(document))
    assert kept(tmp_path)[1:] == before


def test_a_folder_in_the_way_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    secrets = CookieSecrets(tmp_path)
    assert len(secrets.take(NOW)) == 1
    assert "cannot be written" in (secrets.keep() or "")


@pytest.mark.parametrize("option", BAD_DISKS)
def test_a_bad_disk_costs_only_the_next_start(
    tmp_path: Path, option: str, caplog: pytest.LogCaptureFixture
) -> None:
    with bad_disk(tmp_path / "disk", option) as folder:
        with suppress(OSError):
            (folder / "filler").write_bytes(bytes(4096))
        secrets = CookieSecrets(folder / "state")
        taken = secrets.take(NOW)
        for _ in range(2):
            text = secrets.keep() or ""
            assert "after a restart DNS clients are given new cookies" in text
            assert text in caplog.text
            assert secrets.take(NOW + 1) == taken
    for secret in taken:
        assert secret.hex() not in caplog.text
