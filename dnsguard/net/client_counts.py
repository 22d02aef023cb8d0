"""How many of something each client has open, and all of them together."""


class ClientCounts:
    """Counts by packed address; a client with none takes no memory."""

    def __init__(self) -> None:
        self.total = 0
        self._counts: dict[bytes, int] = {}

    def of(self, address: bytes) -> int:
        """Return how many one client has."""
        return self._counts.get(address, 0)

    def add(self, address: bytes) -> None:
        """Count one in."""
        self.total += 1
        self._counts[address] = self.of(address) + 1

    def remove(self, address: bytes) -> None:
        """Count one out that was counted in."""
        self.total -= 1
        left = self._counts[address] - 1
        if left:
            self._counts[address] = left
        else:
            del self._counts[address]
