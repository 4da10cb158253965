"""Divide places, memory and turns fairly between clients.

A client is an address. A single client may use everything but a reserve for others.
"""

import collections
import contextlib
import threading
import time

_PATIENCE_SECS = 2.0  # Afterwards no other client overtakes one that waits and has nothing.


class Turns:
    """A queue for each client; the clients take turns. Not thread-safe."""

    def __init__(self):
        self._queues = collections.OrderedDict()  # Client -> deque of its items.
        self._count = 0

    def __len__(self):
        return self._count

    def waiting(self, client):
        """Return how many items of a client wait."""
        return len(self._queues.get(client, ()))

    def add(self, client, item):
        """Append an item to its client's queue."""
        self._queues.setdefault(client, collections.deque()).append(item)
        self._count += 1

    def heads(self):
        """List (client, first item) in the order of the turns."""
        return [(client, items[0]) for client, items in self._queues.items()]

    def take(self, client=None):
        """Remove and return the first item of a client, by default of the next one."""
        if client is None:
            client = next(iter(self._queues))
        items = self._queues.pop(client)
        item = items.popleft()
        if items:  # The client goes to the end of the order.
            self._queues[client] = items
        self._count -= 1
        return item

    def discard(self, is_unwanted):
        """Remove the items for which `is_unwanted(item)` is true."""
        for client, items in list(self._queues.items()):
            kept = collections.deque(item for item in items if not is_unwanted(item))
            self._count -= len(items) - len(kept)
            if kept:
                self._queues[client] = kept
            else:
                del self._queues[client]


class _Waiter:
    def __init__(self, amount, since):
        self.amount = amount
        self.since = since
        self.granted = threading.Event()


class Shares:
    """An amount that clients take parts of, waiting in turns.

    With `keeps_reserve`, a client with a part gets another one only if as much as it already has
    stays free. So a single client gets about half, and the next client always gets something.
    Twice the amount `small` is reserved for parts up to `small`: they do not wait for large ones.
    """

    def __init__(self, total, keeps_reserve=True, small=0, clock=time.monotonic):
        self.total = total
        self._free = total
        self._keeps_reserve = keeps_reserve
        self._small = small
        self._reserve = 2 * small
        self._small_held = 0
        self._clock = clock
        self._held = collections.Counter()  # Client -> how much it holds.
        self._waiters = Turns()
        self._lock = threading.Lock()

    @property
    def free(self):
        """Return how much is free."""
        return self._free

    @property
    def largest(self):
        """Return the largest part that can always be granted in the end."""
        return self.total - self._reserve

    def take(self, client, amount=1, timeout_secs=0.0):
        """Take a part and return True, or False if it was not free in time; see `give_back`."""
        with self._lock:
            waiter = _Waiter(amount, self._clock())
            self._waiters.add(client, waiter)
            self._grant()
            if not waiter.granted.is_set() and timeout_secs <= 0:
                self._withdraw(waiter)
                return False
        if waiter.granted.wait(max(0.0, timeout_secs)):
            return True
        with self._lock:
            if not waiter.granted.is_set():
                self._withdraw(waiter)
                return False
        return True

    def give_back(self, client, amount=1):
        """Return a part."""
        with self._lock:
            self._free += amount
            self._small_held -= amount if amount <= self._small else 0
            self._held[client] -= amount
            if not self._held[client]:
                del self._held[client]
            self._grant()

    @contextlib.contextmanager
    def part(self, client, amount=1, timeout_secs=0.0):
        """Take a part during the block; yield whether it was free in time."""
        is_taken = self.take(client, amount, timeout_secs)
        try:
            yield is_taken
        finally:
            if is_taken:
                self.give_back(client, amount)

    def _allows(self, client, amount, is_blocked):
        """Tell whether a client may take a part; `is_blocked` if a large one waited too long."""
        held, left = self._held.get(client, 0), self._free - amount
        spare = max(0, self._reserve - self._small_held)
        if amount <= min(self._small, spare) and not held:
            return left >= 0
        is_large_beside_others = amount > self._small and self._free < self.total
        kept = spare if is_large_beside_others else 0
        return not is_blocked and left >= max(kept, held if self._keeps_reserve else 0)

    def _withdraw(self, waiter):
        self._waiters.discard(lambda other: other is waiter)
        self._grant()  # It may have blocked others.

    def _grant(self):
        """Grant the parts that are free, one per client and round."""
        while client := self._next_client():
            waiter = self._waiters.take(client[0])
            self._free -= waiter.amount
            self._small_held += waiter.amount if waiter.amount <= self._small else 0
            self._held[client[0]] += waiter.amount
            waiter.granted.set()

    def _next_client(self):
        """Return a tuple with the client whose part is granted next, or None."""
        is_blocked = False
        for client, waiter in self._waiters.heads():
            if self._allows(client, waiter.amount, is_blocked):
                return (client,)
            # Otherwise the parts of others could overtake a large one forever.
            is_patient = self._clock() - waiter.since < _PATIENCE_SECS
            is_blocked = is_blocked or not (self._held.get(client) or is_patient)
        return None
