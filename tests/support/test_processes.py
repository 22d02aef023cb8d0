import os
import signal
import subprocess

from tests.support.loops import wait_for
from tests.support.processes import is_stopped


def test_a_process_is_stopped_until_it_goes_on() -> None:
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as process:
        try:
            assert not is_stopped(process.pid)
            os.kill(process.pid, signal.SIGSTOP)
            wait_for(lambda: is_stopped(process.pid), "it stops")
            os.kill(process.pid, signal.SIGCONT)
            wait_for(lambda: not is_stopped(process.pid), "it goes on")
        finally:
            process.kill()
    assert not is_stopped(process.pid)
