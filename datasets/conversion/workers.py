"""Run a function over tasks in spawned processes, with the results in order."""

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
# Read by TensorFlow when it starts. Each worker uses one thread and no GPU. Without Keras 3
# it starts in two thirds of the time.
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

    With one process, the tasks run in this one. Only a few tasks per process are submitted at a
    time, so that neither tasks nor results pile up.
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
            'a worker process was killed (out of memory?); --num_threads=1 uses the least memory'
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
    """Prepare a worker: only the parent handles Ctrl-C, and no worker outlives the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(_ENVIRONMENT)
    # Silence TensorFlow and decoders; errors reach the parent as exceptions.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
