"""How many processors this process may use."""

import os


def available():
    """Count them: in a container, or under taskset, they are fewer than the machine has."""
    if hasattr(os, 'sched_getaffinity'):  # Not on every system.
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
