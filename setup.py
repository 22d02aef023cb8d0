"""Compile the hot modules in place of their .py files: one source, two speeds.

COMPILED is the one list of them. All are compiled or none, for they use each other's C types:
where that fails the install succeeds and everything runs uncompiled, as one line says; with
DNSGUARD_REQUIRE_COMPILED=1 it is an error.
"""

import os
import sys
from pathlib import Path

from Cython.Build import cythonize
from Cython.Compiler.Errors import CompileError
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CCompilerError

COMPILED = [
    "dnsguard.core.amplification",
    "dnsguard.core.answer",
    "dnsguard.core.blocked",
    "dnsguard.core.cache",
    "dnsguard.core.clients",
    "dnsguard.core.cookies",
    "dnsguard.core.counters",
    "dnsguard.core.denials",
    "dnsguard.core.forward",
    "dnsguard.core.image",
    "dnsguard.core.inspection",
    "dnsguard.core.local",
    "dnsguard.core.names",
    "dnsguard.core.networks",
    "dnsguard.core.pending",
    "dnsguard.core.policy",
    "dnsguard.core.randomness",
    "dnsguard.core.recompose",
    "dnsguard.core.records",
    "dnsguard.core.refusals",
    "dnsguard.core.replies",
    "dnsguard.core.resolver",
    "dnsguard.core.response",
    "dnsguard.core.retry",
    "dnsguard.core.route",
    "dnsguard.core.tunnels",
    "dnsguard.core.verbatim",
    "dnsguard.core.view",
    "dnsguard.core.wheel",
    "dnsguard.core.wire",
    "dnsguard.core.zones",
    "dnsguard.net.batch",
    "dnsguard.net.exchange",
    "dnsguard.net.health",
    "dnsguard.net.pool",
    "dnsguard.net.precedence",
    "dnsguard.net.routes",
    "dnsguard.net.server",
    "dnsguard.net.udp",
    "dnsguard.net.upstream",
]


_MEMORY = 512 << 20  # octets of the machine for each compiler that runs


def _extension(module: str) -> Extension:
    source = Path(*module.split(".")).with_suffix(".py")
    if not source.exists():
        source = source.with_suffix(".pyx")  # there is nothing to run uncompiled
    types = source.with_suffix(".pxd")  # goes into the source distribution as a dependency
    return Extension(module, [str(source)], depends=[str(types)] if types.exists() else [])


def _compilers() -> int:
    """Return how many may run at once: one takes 150 MB, and a gateway may have little memory."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(os.cpu_count() or 1, memory // _MEMORY))


def _extensions() -> list[Extension]:
    try:
        return cythonize(
            [_extension(module) for module in COMPILED],
            nthreads=_compilers(),
            build_dir="build/cython",
            language_level=3,
            compiler_directives={"annotation_typing": False},  # the .pxd has the C types
        )
    except CompileError as error:
        _fall_back(error)
        return []


class BuildAllOrNone(build_ext):
    """Builds every extension, or leaves none behind; several at once, for it takes minutes."""

    def initialize_options(self) -> None:
        """Set what options would change."""
        super().initialize_options()
        self.parallel = _compilers()

    def run(self) -> None:
        """Build, or fall back."""
        try:
            super().run()
        except (BaseError, CCompilerError) as error:
            _fall_back(error)
            for output in self.get_outputs():
                Path(output).unlink(missing_ok=True)
            self.extensions = []


def _fall_back(error: Exception) -> None:
    if os.environ.get("DNSGUARD_REQUIRE_COMPILED") == "1":
        raise error
    reason = str(error).strip().partition("\n")[0]
    sys.stderr.write(f"dnsguard will run uncompiled, which works but is slower: {reason}\n")


setup(ext_modules=_extensions(), cmdclass={"build_ext": BuildAllOrNone})
