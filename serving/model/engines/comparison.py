"""Compare two number formats of one model when it is loaded, and choose one."""

import time

from serving.model.engines.trial_pictures import trial_batch, trial_pictures

_WARM_UP_RUNS = 2
_TIMED_RUNS = 5
_WORTH_IT = 0.95  # Of the time in float32: less gain is not worth the errors.


def warm_up(run, max_batch_size):
    """Run the most frequent sizes of a batch."""
    for size in {1, max_batch_size}:
        for _ in range(_WARM_UP_RUNS):
            run(trial_batch(size))


def is_better(plain, short, kind, batch_size):
    """Return whether the model in format `kind` is worth its errors, and a line for the log.

    `plain` and `short` are functions that run the model in float32 and in that format. It must be
    faster and give the same classes.
    """
    plain_ms, short_ms = times_ms([plain, short], trial_batch(batch_size))
    classes = [run(list(trial_pictures())).probabilities.argmax(1) for run in (plain, short)]
    agree = bool((classes[0] == classes[1]).all())
    is_chosen = agree and short_ms < _WORTH_IT * plain_ms
    return is_chosen, (
        f'Using {kind if is_chosen else "float32"}: {short_ms:.1f} ms for {batch_size} pictures in '
        f'{kind}, {plain_ms:.1f} ms in float32; their top classes {"agree" if agree else "differ"}'
    )


def times_ms(runs, batch):
    """List the shortest time of each function; they take turns."""
    taken: list[list[float]] = [[] for _ in runs]
    for _ in range(_TIMED_RUNS):
        for run, times in zip(runs, taken, strict=True):
            began = time.perf_counter()
            run(batch)
            times.append(1000 * (time.perf_counter() - began))
    return [min(times) for times in taken]
