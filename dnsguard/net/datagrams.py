"""How datagrams come and go: many by one system call in the compiled build, else one by one."""

from typing import TYPE_CHECKING

from dnsguard.build import BUILD

if TYPE_CHECKING or BUILD == "plain":
    from dnsguard.net.single import Inbox, send
else:
    from dnsguard.net.batch import Inbox, send

__all__ = ["Inbox", "send"]
