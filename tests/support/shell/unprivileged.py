"""What happens without root's rights, to whom permissions do not apply."""

import concurrent.futures
import ctypes
import os

_VERSION = 0x20080522  # linux/capability.h: two structures of 32 bits each.


def call(function, *arguments):
    """Call a function for which permissions hold, even as root; return what it returns.

    Linux has capabilities for each thread: as root, one without any makes the call.
    """
    if os.geteuid() != 0:
        return function(*arguments)
    with concurrent.futures.ThreadPoolExecutor(1, initializer=_drop_capabilities) as pool:
        return pool.submit(function, *arguments).result()


def _drop_capabilities():
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, nothing) != 0:
        raise OSError(ctypes.get_errno(), 'capset')
