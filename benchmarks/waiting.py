"""Ask a server until it answers as it should."""

import socket
import subprocess
import time
from pathlib import Path

import dns.message

START_SECONDS = 180.0
POLL_SECONDS = 0.02


def ask(port: int, name: str, patience: float = 2.0) -> str:
    """Return the answer to a question for an IPv4 address: the address, else the RCODE."""
    query = dns.message.make_query(name, "A", use_edns=False)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", port))
        client.settimeout(patience)
        client.send(query.to_wire())
        response = dns.message.from_wire(client.recv(4096))
    if response.id != query.id or response.question != query.question:
        return "another question's"
    addresses = [rr.address for rrset in response.answer for rr in rrset if rr.rdtype == 1]
    return addresses[0] if addresses else dns.rcode.to_text(response.rcode())


def wait_for_answer(
    process: "subprocess.Popen[bytes]", port: int, name: str, address: str, log: Path
) -> None:
    """Return when a name has an address; stop the run with the server's log if it never has."""
    end = time.monotonic() + START_SECONDS
    answer = "none"
    while time.monotonic() < end and process.poll() is None:
        try:
            answer = ask(port, name, POLL_SECONDS)
        except OSError:
            answer = "none"
        if answer == address:
            return
        time.sleep(POLL_SECONDS / 10)
    raise SystemExit(
        f"{process.args!r} does not answer {address} for {name}: its answer was {answer}, "
        f"its exit code {process.poll()}, and its log ends:\n"
        + "\n".join(log.read_text("utf-8", "replace").splitlines()[-20:] if log.exists() else [])
    )
