"""Call a function for many items in threads, in order, a few items ahead of the caller."""

import collections
import concurrent.futures
import itertools

from common import processors


def mapped(function, items, ahead):
    """Yield function(item) for each item; at most `ahead` results wait for the caller."""
    with concurrent.futures.ThreadPoolExecutor(processors.available()) as pool:
        waiting = collections.deque()
        remaining = iter(items)
        try:
            for item in itertools.islice(remaining, ahead):
                waiting.append(pool.submit(function, item))
            while waiting:
                done = waiting.popleft().result()
                for item in itertools.islice(remaining, 1):
                    waiting.append(pool.submit(function, item))
                yield done
        finally:
            for future in waiting:
                future.cancel()
