"""dnsguard: network-level DNS blocking for registered device subnets."""

__version__ = "0.1.0"
