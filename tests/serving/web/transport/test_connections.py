"""Connections of one address, or of few, cannot take every place."""

import contextlib
import dataclasses

import pytest

from serving.web.server_options import ListenOptions
from serving.web.transport.connections import Places
from support.network.live_servers import answer_of, head, running

ASK = b'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'


@dataclasses.dataclass
class Connection:
    """What Places sees of a connection."""

    address: str
    last_activity: float = 0.0
    is_idle: bool = True
    is_receiving: bool = False
    is_discarding: bool = False

    @property
    def addr(self):
        return (self.address, 1)


def kept(places, addresses):
    """List the connections that are open when one has come from each address in turn."""
    found = []
    for number, address in enumerate(addresses):
        found.append(Connection(address, number))
        if spare := places.to_close(found):
            found.remove(spare)
    return found


def places(most=256, per_address=64, proxy=''):
    options = ListenOptions(max_connections=most, max_connections_per_address=per_address)
    return Places(options, proxy)


def held(found, address):
    return sum(each.address == address for each in found)


def test_each_address_may_hold_less_as_places_run_out():
    found = kept(places(), [f'10.0.0.{number}' for number in range(9) for _ in range(70)])
    shares = [held(found, f'10.0.0.{number}') for number in range(9)]
    assert max(shares) <= 64
    assert shares[3] < 40
    assert min(shares) == 4
    assert len(found) <= 256


def test_a_household_is_one_address():
    found = kept(places(), [f'2001:db8::{number:x}' for number in range(100)])
    assert len(found) == 64


def test_one_that_comes_to_a_full_server_gets_the_place_of_who_holds_most():
    full = [Connection('10.0.0.1', time) for time in (5, 3, 4)] + [Connection('10.0.0.2', 1)]
    assert places(most=4).to_close([*full, Connection('10.0.0.3')]) is full[1]
    assert places(most=4).to_close([*full, Connection('10.0.0.2')]) is full[1]
    even = [coming('10.0.0.1', 2), at_work('10.0.0.1'), at_work('10.0.0.2')]
    assert places(most=3).to_close([*even, newest := Connection('10.0.0.2')]) is newest


def at_work(address):
    return Connection(address, is_idle=False)


def coming(address, time):
    return Connection(address, time, is_idle=False, is_receiving=True)


def test_a_request_is_broken_off_only_for_who_holds_less():
    slow = [coming('10.0.0.1', 2), coming('10.0.0.1', 1), at_work('10.0.0.2')]
    assert places(most=3).to_close([*slow, Connection('10.0.0.3')]) is slow[1]
    fair = [coming('10.0.0.1', 2), coming('10.0.0.2', 1), at_work('10.0.0.4')]
    assert places(most=3).to_close([*fair, Connection('10.0.0.3')]) is None
    fair[1].is_idle = True
    assert places(most=3).to_make_room([*fair, Connection('10.0.0.3')]) is fair[1]


def test_a_proxy_has_many_behind_it():
    found = kept(places(most=8, per_address=2, proxy='10.0.0.9'), ['10.0.0.9'] * 8)
    assert len(found) == 8
    mixed = [*found[:7], direct := Connection('10.0.0.1', 99)]
    newest = Connection('10.0.0.2')
    assert places(most=8, proxy='10.0.0.9').to_close([*mixed, newest]) is direct


@pytest.mark.parametrize('part', [b'', b'GET / HTTP/1.1\r\nX-A: '])
def test_addresses_that_hold_every_place_keep_nobody_out(part):
    options = ListenOptions(threads=2, max_connections=8, max_connections_per_address=4)
    with running(options=options) as live, contextlib.ExitStack() as stack:
        for number in range(2, 6):
            for _ in range(4):
                connection = stack.enter_context(live.connect(f'127.0.0.{number}'))
                with contextlib.suppress(OSError):
                    connection.sendall(part)
        for _ in range(3):
            with live.connect() as connection:
                connection.sendall(ASK)
                assert answer_of(connection)[0] == 200
        assert len(live.server.active_channels) <= 8 + 1


def test_requests_at_work_keep_their_places():
    options = ListenOptions(threads=4, max_connections=2)
    with running(options=options) as live, contextlib.ExitStack() as stack:
        live.holder.predictor.gate.clear()
        from support.files import pictures

        data = pictures.jpegs()['baseline.jpg'].data
        working = [stack.enter_context(live.connect(f'127.0.0.{number}')) for number in (2, 3)]
        for connection in working:
            connection.sendall(head(f'Content-Length: {len(data)}\r\n') + data)
            assert live.holder.predictor.entered.acquire(timeout=30)
        last = stack.enter_context(live.connect('127.0.0.4'))
        last.sendall(ASK)
        assert answer_of(last)[0] == 200
        live.holder.predictor.gate.set()
        assert [answer_of(each)[0] for each in working] == [200, 200]
