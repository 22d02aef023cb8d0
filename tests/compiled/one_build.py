"""Run scripts in one build: `python -P one_build.py compiled|plain`.

The plain build is the .py files that lie beside the compiled ones: the very same sources.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import FileFinder, ModuleSpec, SourceFileLoader
from types import ModuleType


class PlainFinder:
    """Finds the .py files of dnsguard and never what they were compiled to."""

    @staticmethod
    def find_spec(
        fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] == "dnsguard":
            for folder in sys.path if path is None else path:
                spec = FileFinder(folder, (SourceFileLoader, [".py"])).find_spec(fullname, target)
                if spec is not None and spec.loader is not None:
                    return spec
        return None


def main(build: str) -> None:
    """Run the scripts on standard input."""
    if build == "plain":
        sys.meta_path.insert(0, PlainFinder)
    found = import_module("dnsguard.build").BUILD
    if found != build:
        sys.exit(f"this is the {found} build of dnsguard, not the {build} one")
    import_module("tests.compiled.subject").serve(sys.stdin, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
