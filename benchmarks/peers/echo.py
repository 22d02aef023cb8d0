"""The bare echo of echo.c: what a datagram in and a datagram out cost, and nothing else."""

from benchmarks.peers.kind import Kind, Launch, Setting, output
from benchmarks.programs import compile_program


def _version() -> str:
    return "gcc " + output("gcc", "-dumpfullversion").strip()


def _prepare(setting: Setting) -> Launch:
    program = compile_program("echo", setting.folder)
    return Launch([str(program), "127.0.0.1", str(setting.port)])


KIND = Kind("echo", _version, _prepare, blocks="NOERROR", echoes=True)
