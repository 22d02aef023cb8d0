import platform

import pytest

from dnsguard import __version__
from dnsguard.build import BUILD
from dnsguard.cli import COMMANDS
from tests.support.command import dnsguard, run_python


def test_version_says_what_runs() -> None:
    result = dnsguard("--version")
    python = platform.python_version()
    assert result.stdout == f"dnsguard {__version__} (Python {python}, {BUILD})\n"


def test_help_names_every_command() -> None:
    result = dnsguard("--help")
    assert result.exit_code == 0
    for command in COMMANDS:
        assert f"\n  {command} " in result.stdout
        assert dnsguard(command, "--help").exit_code == 0


@pytest.mark.parametrize("arguments", [["flush"], ["status", "--what"], ["why"]])
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    assert dnsguard(*arguments).exit_code == 2


def test_the_module_is_the_command() -> None:
    done = run_python(
        *("-m", "dnsguard", "status", "-c", "/nonexistent/dnsguard.yaml"),
        RUNTIME_DIRECTORY="/nonexistent",
    )
    assert done.returncode == 1
    assert done.stderr == (
        "Error: dnsguard is not running (no socket at /nonexistent/control.sock): "
        "start it with `systemctl start dnsguard`\n"
    )


def test_serving_does_not_load_what_other_commands_need() -> None:
    code = (
        "import sys\n"
        "from dnsguard.cli import main\n"
        "main.get_command(None, 'serve')\n"
        "print({'rich', 'httpx', 'pydantic', 'starlette'} & set(sys.modules))"
    )
    assert run_python("-c", code).stdout == "set()\n"
