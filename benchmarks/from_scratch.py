"""Train a small network from random weights three times, and print times and accuracies.

    python -m benchmarks.from_scratch

The network is mobilenet_v1_025 at 128 pixels on sample_flowers, which is drawn first unless
--dataset_dir contains it. The time includes the start of TensorFlow and the last validation.
"""

import argparse
import json
import os
import sys
import tempfile

from benchmarks.support import programs
from training.jobs import recipes

MODEL, DATASET = 'mobilenet_v1_025', 'sample_flowers'


def main():
    """Print a line for each seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--dataset_dir')
    parser.add_argument('--seeds', type=int, nargs='*', default=[1, 2, 3])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        dataset_dir = arguments.dataset_dir or directory
        data = [f'--dataset_dir={dataset_dir}', f'--dataset_name={DATASET}']
        if not arguments.dataset_dir:
            programs.run('download_and_convert_data.py', *data, log=sys.stderr)
        for seed in arguments.seeds:
            train_dir = os.path.join(directory, str(seed))
            recipe = recipes.from_scratch(MODEL, DATASET)
            flags = [f'--train_dir={train_dir}', f'--model_name={MODEL}', *recipe]
            epochs = dict(flag[2:].split('=') for flag in flags)['num_epochs']
            flags += [f'--seed={seed}', f'--validate_every_n_epochs={epochs}']
            used = programs.run('train_image_classifier.py', *data, *flags, log=sys.stderr)
            with open(os.path.join(train_dir, 'validations.json'), encoding='utf-8') as stream:
                accuracy = json.load(stream)[-1]['accuracy']
            print(
                f'seed {seed}: validation accuracy {accuracy:.1%} after {used.seconds:.0f} s '
                f'({used.processor_seconds:.0f} s of processor time)',
                flush=True,
            )


if __name__ == '__main__':
    main()
