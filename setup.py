"""Compile the hot modules in place of their .py files: one source, two speeds.

COMPILED is the one list of them. Without a C compiler the install succeeds and
everything runs uncompiled; with DNSGUARD_REQUIRE_COMPILED=1 that is an error.
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

COMPILED = [
    "dnsguard.core.answer",
    "dnsguard.core.blocked",
    "dnsguard.core.cache",
    "dnsguard.core.counters",
    "dnsguard.core.image",
    "dnsguard.core.local",
    "dnsguard.core.names",
    "dnsguard.core.pending",
    "dnsguard.core.policy",
    "dnsguard.core.randomness",
    "dnsguard.core.recompose",
    "dnsguard.core.records",
    "dnsguard.core.resolver",
    "dnsguard.core.response",
    "dnsguard.core.retry",
    "dnsguard.core.verbatim",
    "dnsguard.core.wheel",
    "dnsguard.core.wire",
    "dnsguard.core.zones",
    "dnsguard.net.batch",
    "dnsguard.net.health",
    "dnsguard.net.pool",
    "dnsguard.net.server",
    "dnsguard.net.udp",
    "dnsguard.net.upstream",
]


def _extension(module: str) -> Extension:
    source = Path(*module.split(".")).with_suffix(".py")
    if not source.exists():
        source = source.with_suffix(".pyx")  # there is nothing to run uncompiled
    types = source.with_suffix(".pxd")  # goes into the source distribution as a dependency
    return Extension(module, [str(source)], depends=[str(types)] if types.exists() else [])


extensions = cythonize(
    [_extension(module) for module in COMPILED],
    build_dir="build/cython",
    language_level=3,
    compiler_directives={"annotation_typing": False},  # the .pxd has the C types
)
for extension in extensions:  # cythonize makes new ones, so this comes after it
    extension.optional = os.environ.get("DNSGUARD_REQUIRE_COMPILED") != "1"

setup(ext_modules=extensions)
