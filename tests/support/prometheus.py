"""A real Prometheus on loopback that scrapes what a test names."""

import json
import re
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

_DEADLINE = 60.0  # far beyond what a start or a scrape takes: only a fault reaches it
_PAUSE = 0.05
_LISTENING = re.compile(r"Listening on.* address=(\S+)")


class Prometheus:
    """Runs Debian's prometheus in `directory`; `targets` are host:port, scraped as one job."""

    def __init__(
        self,
        directory: Path,
        targets: Sequence[str],
        *,
        job: str = "dnsguard",
        rules: Sequence[Path] = (),
        interval: str = "200ms",
    ) -> None:
        self._directory = directory
        self._config = {
            "global": {"scrape_interval": interval, "evaluation_interval": interval},
            "rule_files": [str(path) for path in rules],
            "scrape_configs": [{"job_name": job, "static_configs": [{"targets": [*targets]}]}],
        }
        self._log = directory / "prometheus.log"

    def __enter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        config = self._directory / "prometheus.yml"
        config.write_text(json.dumps(self._config), encoding="utf-8")  # JSON is YAML
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={config}",
                    f"--storage.tsdb.path={self._directory / 'data'}",
                    "--web.listen-address=127.0.0.1:0",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._client = httpx.Client(base_url=f"http://{self._address()}", trust_env=False)
            self._wait_until_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()
        self._stop()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the result vector of an instant query now; ValueError if it is not PromQL."""
        answer = self._client.get("/api/v1/query", params={"query": expression}).json()
        if answer["status"] != "success":
            raise ValueError(f"{answer['error']}: {expression}")
        data = answer["data"]
        if data["resultType"] == "scalar":
            return [{"metric": {}, "value": data["result"]}]
        return list(data["result"])

    def wait_for(self, expression: str) -> list[dict[str, Any]]:
        """Return the first result that is not empty; TimeoutError with what is scraped if none."""
        end = time.monotonic() + _DEADLINE
        while time.monotonic() < end:
            if result := self.query(expression):
                return result
            time.sleep(_PAUSE)
        targets = self._client.get("/api/v1/targets").json()["data"]["activeTargets"]
        health = {target["scrapeUrl"]: target["lastError"] or "up" for target in targets}
        raise TimeoutError(f"no data for {expression}; targets: {health}")

    def _address(self) -> str:
        end = time.monotonic() + _DEADLINE
        while time.monotonic() < end and self._process.poll() is None:
            found = _LISTENING.search(self._log.read_text(encoding="utf-8", errors="replace"))
            if found:
                return found[1]
            time.sleep(_PAUSE)
        raise RuntimeError(f"prometheus did not start:\n{self._log.read_text(errors='replace')}")

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + _DEADLINE
        while time.monotonic() < end and self._process.poll() is None:
            with suppress(httpx.TransportError):  # it may end although it listened already
                if self._client.get("/-/ready").status_code == httpx.codes.OK:
                    return
            time.sleep(_PAUSE)
        raise RuntimeError(f"prometheus is not ready:\n{self._log.read_text(errors='replace')}")

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=_DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
