"""How many processors this process may use."""

import os


def available():
    """Return the number: in a container or under taskset, it is less than the machine has."""
    if hasattr(os, 'sched_getaffinity'):  # Not available on every system.
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
