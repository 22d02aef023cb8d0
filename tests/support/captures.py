"""What the captures of the shared data carry from and to the ports of DNS."""

from scapy.layers.inet import TCP, UDP
from scapy.utils import PcapReader

from tests.support.data import shared

DNS_PORTS = {53, 5353, 8053}


def captured() -> tuple[set[bytes], set[bytes]]:
    """Return what UDP and TCP carried, once each."""
    carried: dict[type, set[bytes]] = {UDP: set(), TCP: set()}
    for path in sorted(shared("pcap").rglob("*.pcap*")):
        if path.suffix == ".txt":
            continue
        with PcapReader(str(path)) as packets:
            for packet in packets:
                for layer, payloads in carried.items():
                    if layer in packet and {packet[layer].sport, packet[layer].dport} & DNS_PORTS:
                        payloads.add(packet[layer].payload.original)
    return carried[UDP], carried[TCP] - {b""}
