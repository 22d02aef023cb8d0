"""The compiler as a process of its own, and whatever may end it."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from dnsguard.control import compiling
from dnsguard.control.compiling import CompileError, compile_apart
from dnsguard.core.image import Image
from dnsguard.core.names import from_text
from dnsguard.lists.compile import Job
from dnsguard.lists.compiler import ABANDONED
from tests.support.compiling import compile_here, text_file


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    text, image = text_file(b"example.org\nexample.net\n"), text_file(b"")
    yield {
        "kept": str(tmp_path),
        "never_block": [from_text("city.example").hex()],
        "lists": [
            {
                "name": "own",
                "format": "auto",
                "match": None,
                "max_size": 1000,
                "max_shrink": 30,
                "max_growth": 300,
                "texts": [{"descriptor": text, "generation": None, "guarded": True}],
                "before": None,
            }
        ],
        "image": image,
    }
    os.close(text)
    os.close(image)


def text_of(job: Job) -> int:
    descriptor = job["lists"][0]["texts"][0]["descriptor"]
    assert descriptor is not None
    return descriptor


def error_of(job: Job) -> str:
    with pytest.raises(CompileError) as caught:
        uvloop.run(compile_apart(job, [text_of(job)]))
    return str(caught.value)


def test_whoever_gave_the_job_may_die(job: Job) -> None:
    """The compiler ends then, without a word."""
    descriptors = [job["image"], text_of(job)]
    reading, writing = os.pipe()
    os.close(reading)
    compiler = subprocess.run(
        [sys.executable, "-P", "-m", "dnsguard.lists.compiler"],
        input=json.dumps(job).encode(),
        stdout=writing,
        stderr=subprocess.PIPE,
        pass_fds=descriptors,
        timeout=30,
        check=False,
    )
    os.close(writing)
    assert (compiler.returncode, compiler.stderr) == (ABANDONED, b"")


def standing_in(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a shell script run instead of the compiler."""
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split())


def test_it_does_what_is_done_in_the_same_process(job: Job) -> None:
    (outcome,) = uvloop.run(compile_apart(job, [text_of(job)]))
    image = Image(os.pread(job["image"], 1 << 20, 0))
    assert [match.list_id for match in image.find(from_text("www.example.org"))] == [0]
    (here,) = uvloop.run(compile_here(job, ()))
    assert outcome == here
    assert outcome["taken"] == 0


def test_a_job_that_cannot_be_done_says_why(job: Job) -> None:
    job["never_block"] = ["no hexadecimal"]
    assert "non-hexadecimal number" in error_of(job)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 3", "not enough memory"),
        ("kill -9 $$", "not enough memory"),
        ("exit 1", "failed (exit code 1): the log says more"),
        ("kill -11 $$", "failed (exit code -11)"),
    ],
)
def test_one_that_ends_early_says_why(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, message: str
) -> None:
    standing_in(tmp_path, script, monkeypatch)
    assert message in error_of(job)


def test_one_that_has_ended_before_it_is_spoken_to_says_why(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing_in(tmp_path, "kill -9 $$", monkeypatch)
    start = asyncio.create_subprocess_exec

    async def start_and_see_it_end(*arguments: Any, **options: Any) -> asyncio.subprocess.Process:
        process = await start(*arguments, **options)
        await process.wait()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start_and_see_it_end)
    assert "not enough memory" in error_of(job)


def test_one_that_does_not_end_is_ended(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing_in(tmp_path, "exec sleep 1000", monkeypatch)
    monkeypatch.setattr(compiling, "COMPILE_SECONDS", 0.0)
    before = children()
    assert "not compiled after 0 s" in error_of(job)
    assert children() <= before


def test_one_whose_requester_is_cancelled_is_ended(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fifo = tmp_path / "started"
    os.mkfifo(fifo)
    standing_in(tmp_path, f"echo $$ > {fifo}; exec sleep 1000", monkeypatch)

    async def play() -> int:
        task = asyncio.create_task(compile_apart(job, [text_of(job)]))
        process = int(await asyncio.to_thread(fifo.read_text))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return process

    assert not Path(f"/proc/{uvloop.run(play())}").exists()


def test_it_yields_to_those_that_serve() -> None:
    told = """
import os, resource
from pathlib import Path
from dnsguard.lists.compiler import _yield_to_others
_yield_to_others()
memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
limit, _ = resource.getrlimit(resource.RLIMIT_AS)
print(os.nice(0), Path("/proc/self/oom_score_adj").read_text().strip(), 0 < limit <= memory)
"""
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", told], cwd=root, capture_output=True, text=True, check=True
    )
    niceness, score, limited = run.stdout.split()
    assert int(niceness) > os.nice(0)
    assert (score, limited) == ("1000", "True")


def test_one_without_memory_says_so(job: Job) -> None:
    limited = (sys.executable, "-P", "-m", "dnsguard.lists.compiler")
    run = subprocess.run(
        ["prlimit", f"--as={160 << 20}", *limited],
        input=b'{"lists": [' + b"1," * 20_000_000 + b"1]}",
        capture_output=True,
        check=False,
    )
    assert run.returncode == 3
