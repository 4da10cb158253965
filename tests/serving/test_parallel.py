"""Calls in threads: in order, and not far ahead of the caller."""

import pytest

from serving import parallel


def test_results_come_in_order_and_few_are_computed_in_advance():
    called = []
    results = parallel.mapped(lambda item: called.append(item) or -item, range(1000), ahead=10)
    assert next(results) == 0
    assert len(called) <= 11
    assert list(results) == [-item for item in range(1, 1000)]
    assert sorted(called) == list(range(1000))


def test_an_error_reaches_the_caller_and_ends_the_calls():
    called = []

    def call(item):
        called.append(item)
        return 1 / item

    with pytest.raises(ZeroDivisionError):
        list(parallel.mapped(call, iter(range(1000)), ahead=10))
    assert len(called) <= 10
