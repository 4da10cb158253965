"""Run a function over tasks in spawned processes: results in order, few at a time."""

import collections
import concurrent.futures.process
import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading

from common.errors import UserError

_TASKS_AHEAD = 3
# Read by TensorFlow when it starts: each worker is one thread of the whole, no GPU is theirs, and
# none pays for loading Keras 3, a third of the start, which no decoder needs.
_ENVIRONMENT = {
    'CUDA_VISIBLE_DEVICES': '',
    'TF_CPP_MIN_LOG_LEVEL': '3',
    'TF_NUM_INTRAOP_THREADS': '1',
    'TF_NUM_INTEROP_THREADS': '1',
    'TF_USE_LEGACY_KERAS': '1',
}


@contextlib.contextmanager
def pool(num_processes):
    """Yield `run(function, tasks)`, which iterates over the results in the order of the tasks.

    One process means this one. At most a few tasks per process are under way, so that neither
    tasks nor results pile up.
    """
    if num_processes == 1:
        yield map
        return
    context = multiprocessing.get_context('spawn')
    executor = concurrent.futures.ProcessPoolExecutor(num_processes, context, _begin_worker)
    try:
        yield lambda function, tasks: _in_order(executor, num_processes, function, tasks)
    except concurrent.futures.process.BrokenProcessPool:
        raise UserError(
            'a worker process was killed (out of memory?); --num_threads=1 needs least'
        ) from None
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _in_order(executor, num_processes, function, tasks):
    waiting = collections.deque()
    for task in tasks:
        waiting.append(executor.submit(function, task))
        if len(waiting) >= num_processes * _TASKS_AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _begin_worker():
    """Prepare a worker: the parent alone answers Ctrl-C, and no worker outlives the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(_ENVIRONMENT)
    # TensorFlow greets and decoders grumble here; errors travel to the parent as exceptions.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
