"""Show how well a small network knows what it has not learnt, beside plain softmax.

    python -m benchmarks.unknowns --directory=DIR

Each of five splits trains the network of quickstart.sh on five kinds of drawn flowers, calibrates
it, and evaluates it on pictures that neither saw: flowers of the five kinds, of the three others,
and drawn things, textures, noise and blank pictures. What is in the directory is not made again.
"""

import argparse
import json
import os
import statistics
import sys

from benchmarks.support import programs
from training.jobs import recipes

MODEL, DATASET = 'mobilenet_v1_025', 'sample_flowers'
# Which kinds play the unknown.
SPLITS = (
    ('irises', 'lavender', 'lilies'),
    ('daisy', 'roses', 'lavender'),
    ('dandelion', 'tulips', 'lilies'),
    ('sunflowers', 'irises', 'roses'),
    ('daisy', 'dandelion', 'tulips'),
)
# As many as quickstart.sh has, and more to test on.
SIZES = {'train': 200, 'validation': 40, 'test': 80}
_TEXTURES = ('stripes', 'checks', 'bricks', 'fabric', 'marble')
_UNKNOWNS = {'things': (140, None), 'textures': (100, _TEXTURES), 'noise': (60, ('noise',)),
             'blank': (60, ('blank',))}  # fmt: skip


def main():
    """Print the figures of each split, and their means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--directory', required=True)
    parser.add_argument('--splits', type=int, nargs='*', default=[1, 2, 3, 4, 5])
    parser.add_argument('--only_train', action='store_true')
    arguments = parser.parse_args()
    directory = os.path.abspath(arguments.directory)
    draw(directory)
    found = []
    for number in arguments.splits:
        folder = os.path.join(directory, str(number))
        train(directory, folder, SPLITS[number - 1])
        if not arguments.only_train:
            found.append(evaluate(directory, folder))
            show(f'unknown are {", ".join(SPLITS[number - 1])}', found[-1])
    if len(found) > 1:
        show('mean of the splits', mean(found))


def draw(directory):
    """Draw the pictures that are not there yet."""
    from datasets.samples import painters, sample_flowers, sample_unknowns

    done = os.path.join(directory, 'drawn')
    if os.path.exists(done):
        return
    kinds = painters.KINDS + painters.FURTHER_KINDS
    sample_flowers.write_pictures(f'{directory}/flowers', sum(SIZES.values()), 'show', kinds)
    for name, (count, kinds) in _UNKNOWNS.items():
        folder = f'{directory}/unknown/{name}'
        sample_flowers.write_unknowns(folder, count, 'show', kinds or sample_unknowns.KINDS)
    open(done, 'w').close()


def data_flags(folder):
    """Return the flags that name the records of a split."""
    return [f'--dataset_dir={folder}/data', f'--dataset_name={DATASET}']


def train(directory, folder, held_out):
    """Convert the known kinds, link the held-out ones, and train."""
    os.makedirs(f'{folder}/held_out', exist_ok=True)
    rows = []
    for kind in sorted(os.listdir(f'{directory}/flowers')):
        for number, name in enumerate(sorted(os.listdir(f'{directory}/flowers/{kind}'))):
            path = f'{directory}/flowers/{kind}/{name}'
            split = _split_of(number)
            if kind not in held_out:
                rows.append(f'{path},{kind},{split}\n')
            elif split == 'test' and not os.path.exists(f'{folder}/held_out/{kind}_{name}'):
                os.symlink(path, f'{folder}/held_out/{kind}_{name}')
    with open(f'{folder}/pictures.csv', 'w', encoding='utf-8') as stream:
        stream.writelines(rows)
    data = data_flags(folder)
    convert = ['download_and_convert_data.py', f'--csv_file={folder}/pictures.csv', *data]
    programs.run(*convert, log=sys.stderr)
    flags = [f'--train_dir={folder}/train', f'--model_name={MODEL}', '--seed=1']
    recipe = recipes.from_scratch(MODEL, DATASET)
    programs.run('train_image_classifier.py', *data, *flags, *recipe, log=sys.stderr)


def _split_of(number):
    for split, size in SIZES.items():
        if number < size:
            return split
        number -= size
    raise ValueError(number)


def evaluate(directory, folder):
    """Calibrate and evaluate; return metrics.json."""
    data, source = data_flags(folder), f'--checkpoint_path={folder}/train'
    programs.run('calibrate_image_classifier.py', *data, source, log=sys.stderr)
    unknown = [f'{folder}/held_out', *(f'{directory}/unknown/{name}' for name in _UNKNOWNS)]
    flags = [f'--unknown_dir={path}' for path in unknown]
    flags += ['--dataset_split_name=test', f'--eval_dir={folder}/eval']
    programs.run('eval_image_classifier.py', *data, source, *flags, log=sys.stderr)
    with open(f'{folder}/eval/metrics.json', encoding='utf-8') as stream:
        return json.load(stream)


def show(title, metrics):
    """Print the figures of a split, or their means."""
    limits = metrics['limits']
    print(f'{title}: accuracy {metrics["accuracy"]:.1%}, known accepted {limits["accepted"]:.1%}')
    print(
        f'  calibration error {limits["calibration_error_before"]:.1%} before temperature and '
        f'{limits["calibration_error_after"]:.1%} after'
    )
    for level, sets in limits['sets'].items():
        print(f'  sets at {level}: cover {sets["coverage"]:.1%}, {sets["mean_size"]:.2f} classes')
    for folder, found in metrics['unknowns'].items():
        print(
            f'  {os.path.basename(folder):8}  AUROC {found["auroc"]:.3f} (softmax '
            f'{found["softmax_auroc"]:.3f}), FPR95 {found["fpr95"]:.1%} (softmax '
            f'{found["softmax_fpr95"]:.1%}), rejected {found["rejected"]:.1%}',
            flush=True,
        )


def mean(metrics):
    """Return one metrics.json with the means of the numbers in several."""
    first = metrics[0]
    if isinstance(first, dict):
        # The folders of the held-out kinds differ in their directory alone.
        each = [{os.path.basename(key): value for key, value in one.items()} for one in metrics]
        return {key: mean([one[key] for one in each]) for key in each[0]}
    is_number = all(isinstance(value, (int, float)) for value in metrics)
    return statistics.fmean(metrics) if is_number else first


if __name__ == '__main__':
    main()
