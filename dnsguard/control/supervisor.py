"""The control plane's process: start, signals, stop.

Errors at start are fatal but for one: a broken config does not take the city's DNS down when
an accepted one is known. Errors later keep what is in force and are counted.
"""

import asyncio
import logging
import os
import signal
import socket
from pathlib import Path

import uvloop

from dnsguard import log
from dnsguard.config import (
    Config,
    ConfigError,
    parse,
    read_sources,
    system_upstreams,
)
from dnsguard.config import demo as demo_text
from dnsguard.config.directories import read_directories
from dnsguard.control.admin_socket import open_admin
from dnsguard.control.candidate import Candidate, parse_whole
from dnsguard.control.memory import give_back_freed_memory
from dnsguard.control.metrics import Events
from dnsguard.control.plane import ControlPlane
from dnsguard.control.sockets import ListenSocket, SocketError, open_sockets
from dnsguard.control.state import StateDirectory
from dnsguard.control.systemd import ServiceManager, inherited
from dnsguard.control.workers import Worker

PATIENCE = 10.0  # seconds between complaints that not every worker listens

_log = logging.getLogger(__name__)


def run(config_path: Path, *, strict: bool, demo: bool, as_json: bool) -> int:
    """Run dnsguard in the foreground until SIGTERM or SIGINT; return the exit code."""
    events = Events()
    log.start(log.CONTROL_PLANE, events.count_log_dropped, as_json=as_json)
    if os.geteuid() == 0:
        _log.warning("running as root; the systemd unit has a user of its own")
    give_back_freed_memory()
    # Until there is something to reload; the default would end the process.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    config_path = config_path.absolute()
    if demo:
        config_path = write_demo(Path.cwd() / ".demo")
    return uvloop.run(_serve(config_path, events, strict=strict))


def write_demo(state: Path) -> Path:
    """Write the demo's config below a directory and return its path."""
    try:
        upstreams = system_upstreams(Path("/etc/resolv.conf").read_text("utf-8", "replace"))
    except OSError:
        upstreams = []
    state.mkdir(mode=0o750, exist_ok=True)
    path = state / "dnsguard.yaml"
    path.write_text(demo_text(state, upstreams or ["udp://127.0.0.1:53"]), "utf-8")
    return path


async def _serve(config_path: Path, events: Events, *, strict: bool) -> int:
    manager = ServiceManager.from_environment(os.environ)
    kept_sockets = inherited(os.environ)
    try:
        plane, candidate = await _choose(config_path, events, strict=strict)
        sockets = open_sockets(candidate.config.listen.dns, plane.worker_count, kept_sockets)
        admin = open_admin(candidate.config)
    except ConfigError as error:
        for problem in error.problems:
            _log.error("%s", problem)
        return 2
    except SocketError as error:
        _log.error("%s", error)
        return 1
    for listening in sockets:
        manager.store(listening.name, [listening.socket.fileno()])
    plane.listening = sorted({_place(s.address, s.port) for s in sockets})
    plane.datagram_sockets = [s.socket for s in sockets if s.transport == "udp"]
    plane.admin = None if admin is None else _place(*admin.getsockname()[:2])
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await plane.start(candidate)
    workers = [asyncio.create_task(worker.run()) for worker in _fill(plane, sockets)]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_administer(plane, candidate.config, admin, stop))
        tasks.create_task(_report(plane, manager, stop))
        tasks.create_task(plane.write_down(candidate))
        loop.add_signal_handler(signal.SIGHUP, lambda: tasks.create_task(_reload(plane, manager)))
    for task in workers:
        task.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    _log.info("stopped")
    return 0


async def _choose(
    config_path: Path, events: Events, *, strict: bool
) -> tuple[ControlPlane, Candidate]:
    """Return the control plane and the config to start with: the file's or the last accepted.

    Raises ConfigError when there is neither, or when the file's must be taken.
    """
    state = StateDirectory(read_directories(config_path).resolve(os.environ)[0])
    try:
        sources = read_sources(config_path)
        plane = _make_plane(config_path, parse_whole(sources, state.lists), events)
        return plane, await plane.prepare(sources)
    except ConfigError as error:
        if strict:
            raise
        accepted = state.last_config()
        if accepted is None:
            raise
        try:
            plane = _make_plane(config_path, parse(accepted[0]), events)
            candidate = await plane.prepare(accepted[0])
        except ConfigError:  # of another version, or its lists are gone as well
            raise error from None
        plane.fallback = tuple(error.problems)
        plane.events.reloads_refused += 1
        for problem in error.problems:
            _log.error("%s", problem)
        _log.error(
            "the config is broken: starting with the last accepted one; mend it, then reload"
        )
        return plane, candidate


def _make_plane(config_path: Path, config: Config, events: Events) -> ControlPlane:
    workers = len(os.sched_getaffinity(0)) if config.workers == "auto" else int(config.workers)
    state, _ = config.directories.resolve(os.environ)
    return ControlPlane(config_path, StateDirectory(state), workers, events)


def _fill(plane: ControlPlane, sockets: list[ListenSocket]) -> list[Worker]:
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LISTEN_", "NOTIFY_", "WATCHDOG_"))
    }
    plane.workers = [
        Worker(
            number,
            plane.pages[number],
            [s.socket.fileno() for s in sockets if s.worker == number],
            plane.served_generation,
            environ,
        )
        for number in range(plane.worker_count)
    ]
    return plane.workers


async def _report(plane: ControlPlane, manager: ServiceManager, stop: asyncio.Event) -> None:
    """Tell the service manager when every worker listens, and that this loop runs, until `stop`."""
    stopping = asyncio.create_task(stop.wait())
    listening = asyncio.gather(*(worker.listening.wait() for worker in plane.workers))
    while not listening.done() and not stopping.done():
        await asyncio.wait(
            (listening, stopping), timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED
        )
        if not listening.done() and not stopping.done():
            _log.error("not every worker listens yet: the reasons are above")
    if listening.done():
        _log.info("serving on %s", ", ".join(plane.listening))
        manager.ready()
        manager.status(_state_text(plane))
    listening.cancel()
    while not stopping.done():
        manager.watchdog()
        await asyncio.wait((stopping,), timeout=manager.watchdog_interval)
    manager.stopping()


async def _administer(
    plane: ControlPlane, config: Config, admin: socket.socket | None, stop: asyncio.Event
) -> None:
    """Serve the API and update lists until `stop`; whatever befalls it, queries are answered."""
    # Not imported before the workers are on their way: it is what takes longest.
    from dnsguard.control.admin import Administration
    from dnsguard.control.api import serve
    from dnsguard.control.updater import Updater

    updater = Updater(plane)
    updates = asyncio.create_task(updater.run())
    try:
        await serve(
            Administration(plane, updater),
            admin,
            config.directories.control_socket(os.environ),
            stop,
        )
    except Exception:  # noqa: BLE001 - DNS does not depend on what fails here
        _log.exception("status, reload and metrics are not available; queries are answered")
    await stop.wait()
    updates.cancel()
    await asyncio.gather(updates, return_exceptions=True)


async def _reload(plane: ControlPlane, manager: ServiceManager) -> None:
    manager.reloading()
    await plane.reload("signal", "SIGHUP")
    manager.ready()
    manager.status(_state_text(plane))


def _state_text(plane: ControlPlane) -> str:
    text = f"generation {plane.current.number} in force"
    return f"{text}; the config file is broken, see the log" if plane.fallback else text


def _place(address: object, port: int) -> str:
    return f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}"
