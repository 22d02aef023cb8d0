"""The directories of a config that may have errors.

Who mends a broken file needs the socket of what runs, and a start in spite of one needs to find
the last accepted config.
"""

import re
from pathlib import Path

from dnsguard.config.document import Source, read_document
from dnsguard.config.problem import ConfigError
from dnsguard.config.settings import Directories

MAX_READ = 4 * 2**20

_SECTION = re.compile(r"^directories:.*(?:\n(?:[ \t#].*)?)*", re.MULTILINE)


def read_directories(config_path: Path) -> Directories:
    """Return the `directories` section of the main file, read on its own; else the default."""
    try:
        with config_path.open("rb") as file:
            text = file.read(MAX_READ).decode("utf-8", "replace")
        section = _SECTION.search(text)
        source = Source(str(config_path), section[0] if section else "")
        data = read_document(source).data
        context = {"folder": config_path.absolute().parent}
        return Directories.model_validate(data.get("directories") or {}, context=context)
    except (ConfigError, OSError, ValueError):
        return Directories()
