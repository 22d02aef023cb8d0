"""`python -m dnsguard` is the `dnsguard` command."""

from dnsguard.cli import main

main(prog_name="dnsguard")
