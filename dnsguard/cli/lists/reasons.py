"""What an admin can do to see more of a refusal, and what the reasons for dropping mean.

The server's message says what is wrong and its mend; what is here are the commands, which
only the command line knows.
"""

REFUSED = {
    "shrink": "`dnsguard lists update {name} --dry-run` says which names would go.",
    "growth": "`dnsguard lists update {name} --dry-run` says which names are new.",
    "bad-lines": "`dnsguard lists check FILE` says which lines those are.",
    "forbidden": "`dnsguard lists check FILE` says which entries those are.",
}
FAILED = (
    "dnsguard tries again by itself, every mirror in order; `dnsguard lists update {name}` "
    "tries at once."
)
DROPPED = {
    "address": "an IP address where a name should be",
    "address-range": "a range too large for a list",
    "own-network": "not an address of the internet",
    "root": "every name there is",
    "top-level": "all names of a top-level domain",
    "public-suffix": "all names below a public suffix such as co.uk",
    "never-block": "in the way of 'never_block'",
    "shared-zone": "a zone that many services share",
    "safety": "updates, time, certificates or device management depend on it",
}


def explain(name: str, result: str, reason: str) -> str:
    """Return what to do about the result of an update beside what its message says, or ""."""
    if result == "failed":
        return FAILED.format(name=name)
    return REFUSED.get(reason, "").format(name=name) if result == "refused" else ""
