"""What the API says about lists, as tests of what the commands make of it want it."""

from typing import Any

NOW = 1_800_000_000.0


def list_document(name: str = "partner", **changes: Any) -> dict[str, Any]:
    """Return all about a list that is fetched and has two generations."""
    return {
        "name": name,
        "source": ["https://lists.example/tiktok.txt", "https://mirror.example/tiktok.txt"],
        "kind": "url",
        "format": "domains",
        "names": 12_345,
        "addresses": 0,
        "age": 7_400.0,
        "state": "current",
        "generation": 7,
        "held": None,
        "last": {"at": NOW - 200, "result": "ok", "reason": "", "message": "", "source": ""},
        "next_try": NOW + 15_000,
        "refresh": 21_600,
        "dropped": {},
        "policies": ["tiktok-ban"],
        "groups": ["staff-mobile", "public-terminals"],
        "notes": [],
        "warnings": [],
        "generations": [generation(7, current=True), generation(6)],
        "limits": {
            "max_shrink": 30,
            "max_growth": 300,
            "max_size": 256 * 2**20,
            "keep": 10,
            "public_key": False,
            "sha256": False,
        },
        **changes,
    }


def builtin_document() -> dict[str, Any]:
    """Return all about a bundled list, of which much cannot be said."""
    return list_document(
        "builtin:tiktok",
        source=["builtin:tiktok"],
        kind="builtin",
        names=141,
        age=None,
        generation=None,
        last=None,
        next_try=None,
        generations=[],
    )


def generation(number: int, **changes: Any) -> dict[str, Any]:
    """Return what is kept of an accepted version."""
    return {
        "number": number,
        "accepted": NOW - 86_400 * (8 - number),
        "source": "https://lists.example/tiktok.txt",
        "sha256": f"{number:064x}",
        "size": 345_678,
        "names": 12_345,
        "addresses": 0,
        "added": 120,
        "removed": 2,
        "added_sample": ["new.example.org", "newer.example.org"],
        "removed_sample": ["old.example.net", "older.example.net"],
        "dropped": {},
        "signature": None,
        "current": False,
        **changes,
    }


def refused(**changes: Any) -> dict[str, Any]:
    """Return the last result of a list whose newest version lost too much."""
    return {
        "at": NOW - 200,
        "result": "refused",
        "reason": "shrink",
        "message": "60 % of its names are gone",
        "source": "https://mirror.example/tiktok.txt",
        **changes,
    }


def result_event(**changes: Any) -> dict[str, Any]:
    """Return what became of a list in an update."""
    return {
        "event": "result",
        "list": "partner",
        "result": "ok",
        "reason": "",
        "message": "",
        "source": "https://lists.example/tiktok.txt",
        "generation": 8,
        "names": 12_345,
        "added": 120,
        "removed": 14,
        "added_sample": ["new.example.org"],
        "removed_sample": ["old.example.net"],
        "dropped": {},
        "groups": ["staff-mobile"],
        "policies": ["tiktok-ban"],
        **changes,
    }
