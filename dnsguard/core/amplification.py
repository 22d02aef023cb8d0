"""How much more than they were asked UDP responses may say to one network.

A forger has us answer whom it likes, and each response may be larger than its query. What goes
beyond `FACTOR` times the query is drawn from a budget of the network that is answered, which a
client's own traffic does not use up. Without it a response is truncated: who is really there
comes back over TCP. So whatever is forged, a victim gets `FACTOR` times what the forger sends,
and `RATE` octets a second at most beyond that.
"""

from dnsguard.core.clients import AddressTable, network, unmap

FACTOR = 10  # times its query: a response up to there costs no budget
RATE = 64 * 1024  # octets a second for one network
BURST = 64 * 1024  # octets at once after a pause
MAX_BUDGETS = 4096  # forged addresses cannot grow the memory of who was answered

_RATE = RATE  # amplification.pxd types what is defined here, not what is imported
_BURST = BURST
_MAX_BUDGETS = MAX_BUDGETS
_SWEEP_EVERY = 1.0  # seconds


class Budget:
    """What is left to one network, as of some time."""

    __slots__ = ("left", "when")

    left: float
    when: float


class Amplification:
    """The budgets of one worker.

    When the table is full of budgets in use, whoever is not in it has none: a flood of forged
    networks sends others to TCP and makes no reflector.
    """

    def __init__(self) -> None:
        self._budgets: dict[bytes, Budget] = {}
        self._exempt = AddressTable([])
        self._swept = 0.0

    def __len__(self) -> int:
        """Return how many networks have a budget that was drawn from lately."""
        return len(self._budgets)

    def configure(self, exempt: AddressTable) -> None:
        """Set who has no bound."""
        self._exempt = exempt

    def draw(self, address: bytes, excess: int, now: float) -> bool:
        """Draw octets from the budget of an address's network; tell whether there were enough."""
        if len(address) == 16:
            address = unmap(address)
        key = network(address)
        budget = self._budgets.get(key)
        if budget is None:
            budget = self._open(key, now)
        if budget is not None:
            left = min(_BURST, budget.left + max(0.0, now - budget.when) * _RATE)
            budget.when = now
            budget.left = left
            if left >= excess:
                budget.left = left - excess
                return True
        return self._exempt.find(address) is not None

    def _open(self, key: bytes, now: float) -> Budget | None:
        """Return a new budget, None when there is no room for it."""
        if len(self._budgets) >= _MAX_BUDGETS and now - self._swept >= _SWEEP_EVERY:
            self._swept = now
            self._forget_full(now)
        if len(self._budgets) >= _MAX_BUDGETS:
            return None
        budget = Budget.__new__(Budget)
        budget.left = _BURST
        budget.when = now
        self._budgets[key] = budget
        return budget

    def _forget_full(self, now: float) -> None:
        """Forget the budgets that are whole again: a new one is the same."""
        for key in list(self._budgets):
            budget = self._budgets[key]
            if budget.left + (now - budget.when) * _RATE >= _BURST:
                del self._budgets[key]
