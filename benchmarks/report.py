"""Tables and files of results, and the facts about the machine that belong above them."""

import json
import os
import platform
import re
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return the median, and the least and the most."""
    middle = statistics.median(values)
    return f"{middle:,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Say what the figures were measured on."""
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text("utf-8"), re.MULTILINE)
    model = found[1] if found else platform.machine()
    cores = len(os.sched_getaffinity(0))
    system = f"Linux {platform.release()}, Python {platform.python_version()}"
    return f"{model}, {cores} cores, {platform.machine()}; {system}"


def write(name: str, text: str, figures: object) -> None:
    """Print a report, and keep it with its figures below results/."""
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text + "\n", "utf-8")
    (RESULTS / f"{name}.json").write_text(json.dumps(figures, indent=1), "utf-8")
