"""The processors of this machine: their number, what they can do, and calls in parallel."""

import collections
import concurrent.futures
import itertools
import math
import os

_CONTROL_GROUPS = '/sys/fs/cgroup'
# The limit on processor time of a container, in microseconds per period: `docker run --cpus`, or
# resources.limits.cpu in Kubernetes. In version 2 of control groups both numbers are in one file.
_LIMIT_FILES = (('cpu.max',), ('cpu/cpu.cfs_quota_us', 'cpu/cpu.cfs_period_us'))
_FACTS = '/proc/cpuinfo'
# Ability -> flags of Linux, of which a processor with it has at least one.
_ABILITIES = {
    'bfloat16': {'amx_bf16', 'avx512_bf16'},
    # Multiplies 8-bit integers and adds the products in 32 bits. x86 without it adds pairs of
    # products in 16 bits, which can overflow.
    'vnni': {'amx_int8', 'avx512_vnni', 'avx_vnni'},
}


def available():
    """Return the number: in a container or under taskset, it is less than the machine has."""
    if hasattr(os, 'sched_getaffinity'):  # Not available on every system.
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    limit = _limit_of_container()
    return allowed if limit is None else max(1, min(allowed, math.ceil(limit)))


def _limit_of_container():
    """Return the limit on processor time as a number of processors; None if there is none."""
    for names in _LIMIT_FILES:
        try:
            quota, period = (int(word) for name in names for word in _words(name))
        except (OSError, ValueError):  # No such file, or "max" instead of a number.
            continue
        if quota > 0 and period > 0:
            return quota / period
    return None


def _words(name):
    with open(os.path.join(_CONTROL_GROUPS, name), encoding='ascii') as stream:
        return stream.read().split()


def have(ability, facts=None):
    """Return whether the processors have an ability of the table, as far as the system reports.

    `facts` are the flags of a processor, by default of this machine's first one.
    """
    return bool(_ABILITIES[ability] & (_flags() if facts is None else facts))


def _flags():
    try:
        with open(_FACTS, encoding='ascii', errors='replace') as stream:
            return set(next((line for line in stream if line.startswith('flags')), '').split())
    except OSError:
        return set()


def mapped(function, items, ahead):
    """Yield function(item) for each item, in order, from threads.

    At most `ahead` results wait for the caller.
    """
    with concurrent.futures.ThreadPoolExecutor(available()) as pool:
        waiting: collections.deque[concurrent.futures.Future] = collections.deque()
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
