"""Choose the connections to close when many are open, so that every address gets a share."""

import collections

from serving.web import security

_FEW = 4  # An address may always have this many while others have more, as browsers do.


class Places:
    """Limits the connections; the fewer places are free, the fewer one address may have.

    A connection has an address (`addr[0]`), `last_activity`, `is_discarding`, `is_idle` and
    `is_receiving`. The address of a trusted proxy, which serves many clients, has no limit.
    """

    def __init__(self, options, proxy=''):
        self._most = options.max_connections
        self._most_per_address = options.max_connections_per_address
        self._proxy = proxy

    def to_close(self, connections):
        """Return the one of `connections` to close, or None; the last is the newest."""
        *others, newest = connections
        own = _held(others)[_holder(newest)]
        free = self._most - len(others)
        limit = min(self._most_per_address, max(_FEW, free + 1))
        if own >= limit and not self._is_proxy(newest):
            return newest
        if free > 0:
            return None
        spare = self.to_make_room(connections)
        return newest if spare is None and own else spare

    def to_make_room(self, connections):
        """Return the connection to close for the newest one, or None if all others are busy."""
        *others, newest = connections
        return self._least_needed(others, _held(others), _holder(newest))

    def _least_needed(self, connections, held, holder):
        """Return the least needed connection that may be closed for `holder`, or None."""

        def rank(connection):
            return (
                connection.is_discarding,
                connection.is_idle,
                not self._is_proxy(connection),
                held[_holder(connection)],
                -connection.last_activity,
            )

        def may_close(connection):
            theirs, own = held[_holder(connection)], held[holder]
            if connection.is_idle:
                return theirs > own or _holder(connection) == holder
            # A request that is still arriving is only interrupted for an address with fewer.
            return connection.is_discarding or (connection.is_receiving and theirs > own + 1)

        return max(filter(may_close, connections), key=rank, default=None)

    def _is_proxy(self, connection):
        return security.same_address(connection.addr[0], self._proxy)


def _held(connections):
    return collections.Counter(_holder(each) for each in connections)


def _holder(connection):
    return security.neighbourhood(connection.addr[0])
