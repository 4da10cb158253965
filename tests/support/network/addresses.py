"""Addresses without a listener."""

import socket


def free_addresses(count):
    """Return `count` different host:port."""
    sockets = [socket.create_server(('localhost', 0)) for _ in range(count)]
    addresses = [f'localhost:{each.getsockname()[1]}' for each in sockets]
    for each in sockets:
        each.close()
    return addresses
