"""Counts, sizes, durations and moments as people read them; `-` where there is none."""

from datetime import UTC, datetime


def show_count(count: int, noun: str) -> str:
    """Return `1 name` or `12,345 addresses`."""
    plural = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{plural}"


def show_size(octets: int | None) -> str:
    """Return `1.4 MiB`."""
    if octets is None:
        return "-"
    amount, units = float(octets), ["B", "KiB", "MiB", "GiB"]
    while amount >= 1024 and len(units) > 1:
        amount /= 1024
        units.pop(0)
    return f"{amount:.1f}".removesuffix(".0") + f" {units[0]}"


def show_duration(seconds: float | None, units: int = 2) -> str:
    """Return the largest units: `3 d 4 h`."""
    if seconds is None:
        return "-"
    rest = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        amount, rest = divmod(rest, size)
        if amount or (unit == "s" and not parts):
            parts.append(f"{amount} {unit}")
    return " ".join(parts[:units])


def show_moment(epoch: float | None) -> str:
    """Return `2026-11-22 00:14-05:00`, by this machine's time zone."""
    if epoch is None:
        return "-"
    return datetime.fromtimestamp(epoch, UTC).astimezone().isoformat(" ", "minutes")


def show_since(epoch: float | None, now: float) -> str:
    """Return `3 min ago`."""
    return "-" if epoch is None else f"{show_duration(now - epoch, 1)} ago"


def show_until(epoch: float | None, now: float) -> str:
    """Return `in 4 h`, `now` once it has come."""
    if epoch is None:
        return "-"
    return f"in {show_duration(epoch - now, 1)}" if epoch > now else "now"
