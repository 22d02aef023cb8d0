"""A receiver that takes down what is reported of attempts."""

from dnsguard.core.route import Attempt
from dnsguard.net.pool import Receiver


class Report(Receiver):
    """What was reported; `believing` is what it says of messages: that they are answers."""

    def __init__(self, *, believing: bool = True) -> None:
        self.messages: list[bytes] = []
        self.errors: list[OSError | None] = []
        self.distrust = 0
        self.believing = believing

    def received(self, attempt: Attempt, data: bytes, now: float) -> bool:
        self.messages.append(data)
        return self.believing

    def failed(self, attempt: Attempt, error: OSError | None) -> None:
        self.errors.append(error)
        if attempt.carrier is not None:
            attempt.carrier.release(attempt)

    def distrusted(self, attempt: Attempt) -> None:
        self.distrust += 1
        attempt.carrier.release(attempt)
