"""Compile the hot modules in place of their .py files: one source, two speeds.

COMPILED is the one list of them. Without a C compiler the install succeeds and
everything runs uncompiled; with DNSGUARD_REQUIRE_COMPILED=1 that is an error.
"""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

COMPILED = [
    "dnsguard.core.answer",
    "dnsguard.core.counters",
    "dnsguard.core.names",
    "dnsguard.core.wire",
    "dnsguard.core.image",
    "dnsguard.core.response",
    "dnsguard.core.policy",
    "dnsguard.core.cache",
    "dnsguard.core.resolver",
]

extensions = [
    Extension(
        module,
        [module.replace(".", "/") + ".py"],
        optional=os.environ.get("DNSGUARD_REQUIRE_COMPILED") != "1",
    )
    for module in COMPILED
]

setup(
    ext_modules=cythonize(
        extensions,
        build_dir="build/cython",
        language_level=3,
        compiler_directives={"embedsignature": True},
    )
)
