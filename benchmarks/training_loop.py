"""Measure the cost of the training loop in addition to its steps.

    python -m benchmarks.training_loop --dataset_dir=DIR

Steps through the loop with all hooks and steps with only `session.run` of the update take turns,
with the same graph, session and input iterator, so other programs slow both equally. Saving and
summaries are off. DIR contains sample_flowers; without it the pictures are drawn first.
"""

import argparse
import contextlib
import os
import statistics
import tempfile
import time

_CASES = {
    'inception_v4, head only': {
        'model_name': 'inception_v4',
        'trainable_scopes': 'InceptionV4/Logits,InceptionV4/AuxLogits/Aux_logits',
        'optimizer': 'adam',
        'moving_average_decay': 0.9999,
    },
    'mobilenet_v1': {'model_name': 'mobilenet_v1'},
}


def draw(directory):
    """Convert sample_flowers into a directory."""
    from datasets.conversion import convert
    from datasets.samples import sample_flowers

    options = convert.ConvertOptions()
    convert.convert(sample_flowers.prepare(directory), directory, options)


@contextlib.contextmanager
def running(options):
    """Yield (session with all hooks, bare session, the update) of a training run."""
    import tensorflow.compat.v1 as tf

    from deployment import cluster
    from training import graph, preparation, saving, session, train
    from training.signals import StopRequest

    run = preparation.prepare_run(options, cluster.resolve(options))
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(StopRequest())
        training_graph = stack.enter_context(tf.Graph().as_default())
        stack.enter_context(saving.claimed(options.train_dir))
        step = graph.build(run, run.batches)
        writer = saving.CheckpointWriter(run, step)
        creator = session.creator(run, step, None, writer, '')
        hooks = train.list_hooks(run, step, writer, stop, stack, training_graph)
        looped = stack.enter_context(tf.train.MonitoredSession(creator, hooks))
        looped.run(step.number)
        yield looped, looped.run_step_fn(lambda step_context: step_context.session), step.number


def seconds(session, update, steps):
    """Return (wall time, CPU time) of one step."""
    began, worked = time.perf_counter(), time.process_time()
    for _ in range(steps):
        session.run(update)
    return (
        (time.perf_counter() - began) / steps,
        (time.process_time() - worked) / steps,
    )


def measure(options, rounds, steps):
    """Return the ratios of the loop to the session alone, in wall time and in CPU time."""
    with running(options) as (looped, bare, update):
        bare.run(update)
        pairs = []
        for number in range(rounds):
            # Alternate the order, because the first one always gets the fuller buffer.
            first, second = (looped, bare) if number % 2 else (bare, looped)
            found = {id(each): seconds(each, update, steps) for each in (first, second)}
            pairs.append((found[id(looped)], found[id(bare)]))
    loop, plain = zip(*pairs, strict=True)
    return [
        (statistics.median(a[kind] for a in loop), statistics.median(b[kind] for b in plain))
        for kind in (0, 1)
    ]


def main():
    """Print a line for each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--dataset_dir')
    parser.add_argument('--rounds', type=int, default=8)
    parser.add_argument('--steps', type=int, default=3)
    parser.add_argument('--batch_size', type=int, default=32)
    arguments = parser.parse_args()
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
    from training.options import TrainOptions

    with tempfile.TemporaryDirectory() as directory:
        dataset_dir = arguments.dataset_dir
        if dataset_dir is None:
            dataset_dir = directory
            draw(directory)
        for name, typed in _CASES.items():
            options = TrainOptions(
                dataset_dir=dataset_dir,
                dataset_name='sample_flowers',
                train_dir=os.path.join(directory, typed['model_name']),
                batch_size=arguments.batch_size,
                save_summaries_secs=0,
                save_interval_secs=0,
                **typed,
            )
            wall, processor = measure(options, arguments.rounds, arguments.steps)
            for kind, (loop, plain) in (('time', wall), ('processor time', processor)):
                print(
                    f'{name}: {kind} of a step {loop:.3f} s, in a bare session {plain:.3f} s, '
                    f'overhead {100 * (loop / plain - 1):+.1f}%'
                )


if __name__ == '__main__':
    main()
