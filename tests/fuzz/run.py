"""Fuzz one target: `python -P -m tests.fuzz.run TARGET [folders and options of libFuzzer]`.

What is followed is the plain build, for its bytecode can be instrumented: PYTHONPATH is to have
the checkout first. Any exception ends the run, and the octets that led to it are kept.

With `--begin FOLDER` behind the target its seeds and its dictionary are written there instead.
"""

import sys
from importlib import import_module
from pathlib import Path


def main(target: str, *arguments: str) -> None:
    """Do what the command line says."""
    if arguments[:1] == ("--begin",):
        begin(target, Path(arguments[1]))
    else:
        fuzz(target, *arguments)


def begin(target: str, folder: Path) -> None:
    """Write what a run begins with: `seeds`, and `words` in the form of a dictionary."""
    module = import_module(f"tests.fuzz.targets.{target}")
    seeds = folder / "seeds"
    seeds.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(module.seeds()):
        (seeds / f"{number:04}").write_bytes(seed)
    words = ["".join(f"\\x{octet:02x}" for octet in word) for word in getattr(module, "WORDS", [])]
    # libFuzzer takes none that is empty.
    (folder / "words").write_text("".join(f'"{word}"\n' for word in words or ["\\x00"]), "ascii")


def fuzz(target: str, *arguments: str) -> None:
    """Fuzz until libFuzzer's options say that it is enough."""
    import atheris

    with atheris.instrument_imports(include=["dnsguard"]):
        run = import_module(f"tests.fuzz.targets.{target}").run
    build = import_module("dnsguard.build").BUILD
    if build != "plain":
        sys.exit(f"this is the {build} build of dnsguard: put the checkout into PYTHONPATH")
    # To merge, libFuzzer starts what the first argument says, by way of a shell.
    itself = f"{sys.executable} -P -m tests.fuzz.run {target}"
    atheris.Setup([itself, *arguments], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
