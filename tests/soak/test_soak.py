"""A soak of seconds: it goes through, and says what it saw."""

import re
import subprocess
import sys
from pathlib import Path

SOAK = Path(__file__).parent


def test_a_soak_of_seconds(tmp_path: Path) -> None:
    report = tmp_path / "report.md"
    # -P: the checkout, where tests run, must not come before an installed dnsguard.
    command = [sys.executable, "-P", str(SOAK), "--seconds", "3", "--seed", "1"]
    command += ["--faults", "policy switched off and on", "--report", str(report)]
    soaked = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert soaked.returncode == 0, soaked.stdout + soaked.stderr
    text = report.read_text("utf-8")
    assert text in soaked.stdout
    assert re.search(r"^\| policy switched off and on +\| [1-9]", text, re.MULTILINE)
    asked, right = (
        int(re.search(rf"^\| {what} +\| ([0-9,]+)", text, re.MULTILINE)[1].replace(",", ""))  # type: ignore[index]
        for what in ("asked", "answered rightly")
    )
    assert asked == right > 100
