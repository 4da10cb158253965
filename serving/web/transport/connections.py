"""Which connections may stay when many are open: no address can take the places of all others."""

import collections

from serving.web import security

_FEW = 4  # So many an address may hold while others hold more, as browsers do.


class Places:
    """`max_connections` places; the fewer are free, the fewer one address may hold.

    A connection has an address (`addr[0]`), `last_activity`, and tells whether it is
    `is_discarding`, `is_idle` or `is_receiving`. The address of a proxy, behind which are many
    clients, has no limit of its own.
    """

    def __init__(self, options, proxy=''):
        self._most = options.max_connections
        self._most_per_address = options.max_connections_per_address
        self._proxy = proxy

    def to_close(self, connections):
        """Return what to close of all `connections`, the newest being the last; else None."""
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
        """Return what to close for the newest connection, or None while all others are at work."""
        *others, newest = connections
        return self._least_needed(others, _held(others), _holder(newest))

    def _least_needed(self, connections, held, holder):
        """Return what may be closed for one more of `holder` and loses the least, or None."""

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
            # A request that is still coming is broken off only for an address that holds less.
            return connection.is_discarding or (connection.is_receiving and theirs > own + 1)

        return max(filter(may_close, connections), key=rank, default=None)

    def _is_proxy(self, connection):
        return security.same_address(connection.addr[0], self._proxy)


def _held(connections):
    return collections.Counter(_holder(each) for each in connections)


def _holder(connection):
    return security.neighbourhood(connection.addr[0])
