"""One dnsguard for the whole folder, and devices that ask it."""

from tests.support.devices import client, staff, subject

__all__ = ["client", "staff", "subject"]
