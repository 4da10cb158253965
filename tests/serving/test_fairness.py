"""Clients share what is scarce: none can hold everything, and all get their turn."""

import threading

import pytest

from serving.fairness import Shares, Turns


def test_clients_take_turns():
    turns = Turns()
    for item in ('a1', 'a2', 'a3', 'b1', 'b2', 'c1'):
        turns.add(item[0], item)
    turns.discard(lambda item: item == 'a2')
    assert (len(turns), turns.waiting('a')) == (5, 2)
    assert [turns.take() for _ in range(5)] == ['a1', 'b1', 'c1', 'a3', 'b2']
    assert not turns


def test_one_client_leaves_as_much_as_it_holds():
    shares = Shares(10)
    assert [shares.take('greedy') for _ in range(7)] == [True] * 5 + [False] * 2
    assert [shares.take('other') for _ in range(4)] == [True] * 3 + [False]
    assert shares.take('third')  # Whoever holds nothing gets what is left.
    shares.give_back('third')
    shares.give_back('other')
    assert shares.free == 3


def test_without_a_reserve_one_client_may_have_all():
    shares = Shares(2, keeps_reserve=False)
    assert [shares.take('only') for _ in range(3)] == [True, True, False]


def test_too_much_is_never_granted():
    shares = Shares(10)
    with shares.part('client', 11) as is_held:
        assert not is_held
    with shares.part('client', 10) as is_held:
        assert is_held
        assert shares.free == 0
    assert shares.free == 10


class Waiting:
    """A thread that waits for a part, and keeps it."""

    def __init__(self, shares, client, amount):
        self.is_granted = threading.Event()
        self._arguments = shares, client, amount
        before = len(shares._waiters)
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()
        while len(shares._waiters) == before and not self.is_granted.wait(0.001):
            pass

    def _take(self):
        shares, client, amount = self._arguments
        if shares.take(client, amount, timeout_secs=60):
            self.is_granted.set()


@pytest.mark.parametrize('seconds', [1, 3], ids=['at first', 'after a while'])
def test_a_small_part_overtakes_a_large_one_only_for_a_while(seconds):
    now = [0.0]
    shares = Shares(10, clock=lambda: now[0])
    assert shares.take('large', 6)
    large = Waiting(shares, 'other', 8)
    now[0] += seconds
    assert shares.take('small', 2) == (seconds == 1)
    shares.give_back('large', 6)
    assert large.is_granted.wait(30)


def test_freed_parts_go_to_the_clients_in_turn():
    shares = Shares(2, keeps_reserve=False)
    assert all(shares.take('greedy') for _ in range(2))
    greedy = [Waiting(shares, 'greedy', 1) for _ in range(5)]
    modest = Waiting(shares, 'modest', 1)
    for _ in range(2):
        shares.give_back('greedy')
    assert modest.is_granted.wait(30)
    assert sum(each.is_granted.is_set() for each in greedy) <= 1


def test_whoever_gives_up_is_not_in_the_way():
    now = [0.0]
    shares = Shares(10, clock=lambda: now[0])
    assert shares.take('large', 6)
    assert not shares.take('other', 8, timeout_secs=0.01)
    now[0] += 60
    assert shares.take('small', 4)


def test_small_parts_do_not_wait_for_large_ones():
    now = [0.0]
    shares = Shares(160, small=10, clock=lambda: now[0])
    assert shares.take('first', 80)
    assert not shares.take('second', 70)  # 20 are kept for small parts.
    waiting = Waiting(shares, 'second', 70)
    now[0] += 60
    assert not shares.take('third', 11)
    assert shares.take('usual', 10)
    assert shares.take('another', 10)
    assert not shares.take('one more', 10)  # Or the large one would wait for ever.
    shares.give_back('first', 80)
    assert waiting.is_granted.wait(30)
    assert shares.take('one more', 10)


def test_a_part_as_large_as_all_is_granted_when_nothing_is_held():
    shares = Shares(160, small=10)
    assert shares.take('alone', 160)


def test_the_largest_part_is_granted_beside_small_ones():
    shares = Shares(160, small=10)
    assert shares.take('one', 10)
    assert shares.take('two', 10)
    assert not shares.take('three', shares.largest + 1)
    assert shares.take('four', shares.largest)
