"""Worker processes: started, fed with generations, replaced when they die."""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence

from dnsguard import log
from dnsguard.control.counting import Page
from dnsguard.core import counters
from dnsguard.net import channel

SWAP_TIMEOUT = 10.0  # seconds until a worker that does not take a generation is replaced
WATCH_EVERY = 1.0
MISSED_BEATS = 5  # in as many looks at it, until a worker that stands still is replaced
FIRST_DELAY = 0.05
MAX_DELAY = 5.0  # seconds between attempts to start a worker that keeps dying
HEALTHY_AFTER = 10.0  # seconds a worker lives until its earlier deaths are forgiven

_log = logging.getLogger(__name__)


class Worker:
    """One worker slot: a page, its sockets, and whichever process fills it.

    `generation` gives the descriptors and number of what a new process is to serve by.
    """

    def __init__(
        self,
        number: int,
        page: Page,
        sockets: Sequence[int],
        generation: Callable[[], tuple[Sequence[int], int]],
        environ: Mapping[str, str],
    ) -> None:
        self.number = number
        self.restarts = 0
        self.pid: int | None = None
        self.serving = 0
        self.listening = asyncio.Event()
        self._page = page
        self._sockets = sockets
        self._generation = generation
        self._environ = environ
        self._loop = asyncio.get_running_loop()
        self._process: asyncio.subprocess.Process | None = None
        self._channel: socket.socket | None = None
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Keep the slot filled until cancelled."""
        delay = FIRST_DELAY
        while True:
            started = self._loop.time()
            try:
                await self._start()
                await self._watch()
                reason = self._exit_text()
            except OSError as error:
                reason = f"it cannot be started: {error.strerror}"
            finally:
                self._stop_watching()
            if self._loop.time() - started > HEALTHY_AFTER:
                delay = FIRST_DELAY
            # When everything stops, workers may end first: nobody is told of that.
            await asyncio.sleep(delay)
            self.restarts += 1
            _log.error(
                "worker %d ended (%s): starting another; its sockets and counters are kept",
                self.number,
                reason,
            )
            delay = min(2 * delay, MAX_DELAY)

    async def swap(self) -> None:
        """Return when nothing in the slot serves by an older generation any more.

        A process that does not take the current one in time is killed; whatever starts in the
        slot starts with the current one.
        """
        _, number = self._generation()
        self._send_generation()
        try:
            async with asyncio.timeout(SWAP_TIMEOUT):
                await self._wait_until_serving(number)
        except TimeoutError:
            _log.error("worker %d does not take generation %d: killing it", self.number, number)
            self.kill()
            await self._wait_until_serving(number)

    async def _wait_until_serving(self, number: int) -> None:
        while self.pid is not None and self.serving != number:
            self._changed.clear()
            await self._changed.wait()

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _start(self) -> None:
        ours, theirs = channel.pair()
        descriptors = [theirs.fileno(), self._page.descriptor, *self._sockets]
        arguments = ["--number", str(self.number), *log.options()]
        arguments += ["--channel", str(theirs.fileno()), "--page", str(self._page.descriptor)]
        arguments += ["--sockets", *map(str, self._sockets)]
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-P", "-m", "dnsguard.net.worker", *arguments),
                pass_fds=descriptors,
                stdin=asyncio.subprocess.DEVNULL,
                env=self._environ,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self.pid = self._process.pid
        self._channel = ours
        self._loop.add_reader(ours, self._take_messages)
        self._send_generation()

    async def _watch(self) -> None:
        """Return when the process has ended; kill it when its event loop stands still.

        Looks are counted, not seconds: a machine that was paused pauses us as well.
        """
        assert self._process is not None  # noqa: S101 - set by _start
        ended = asyncio.create_task(self._process.wait())
        beats = missed = 0
        try:
            while not (await asyncio.wait((ended,), timeout=WATCH_EVERY))[0]:
                latest = self._page.read(counters.FIRST_FREE)[counters.BEATS]
                missed = missed + 1 if self.listening.is_set() and latest == beats else 0
                beats = latest
                if missed == MISSED_BEATS:
                    _log.error("worker %d stands still: killing it", self.number)
                    self.kill()
        finally:
            ended.cancel()

    def _stop_watching(self) -> None:
        self.pid = None
        self.serving = 0
        self.listening.clear()
        self._changed.set()
        if self._channel is not None:
            self._loop.remove_reader(self._channel)
            self._channel.close()
            self._channel = None

    def _send_generation(self) -> None:
        if self._channel is None:
            return
        descriptors, number = self._generation()
        try:
            channel.send(self._channel, {"generation": number}, descriptors)
        except OSError:
            self.kill()  # gone, or it does not read: either way its successor is told

    def _take_messages(self) -> None:
        assert self._channel is not None  # noqa: S101 - the reader is removed before it goes
        while True:
            try:
                received = channel.receive(self._channel)
            except BlockingIOError:
                return
            except ValueError:  # not the worker that was started: its successor is
                self.kill()
                return
            if received is None:
                self._loop.remove_reader(self._channel)
                return
            message, descriptors = received
            for descriptor in descriptors:
                os.close(descriptor)
            if "serving" in message:
                self.serving = int(message["serving"])
                self._changed.set()
            if "listening" in message:
                self.listening.set()

    def _exit_text(self) -> str:
        code = self._process.returncode if self._process else None
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
