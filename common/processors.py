"""The processors of this machine: how many this process may use, and what they can do."""

import os

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
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def have(ability, facts=None):
    """Return whether the processors have an ability of the table, as far as the system tells.

    `facts` are the flags of a processor, by default of this machine's first one.
    """
    return bool(_ABILITIES[ability] & (_flags() if facts is None else facts))


def _flags():
    try:
        with open(_FACTS, encoding='ascii', errors='replace') as stream:
            return set(next((line for line in stream if line.startswith('flags')), '').split())
    except OSError:
        return set()
