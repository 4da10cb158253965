"""The steps of quickstart.sh, from pictures to a classifier in one file."""

import csv
import hashlib
import os

from training.jobs import programs, recipes
from training.jobs.commands.quickstart.work import DRAWN

# Trained from random weights where there are no others.
MODEL = 'mobilenet_v1_025'


def run(work, progress, weights, max_steps):
    """Run the seven steps, and return the path of the frozen graph.

    `weights` are those to start from, or None.
    """
    data, train_dir = work.path / 'data', work.path / 'train'
    # The program itself checks whether pictures have changed.
    progress.step(
        'convert',
        f'convert {work.images or "drawn sample flowers"}',
        programs.command('download_and_convert_data.py', *_conversion(work)),
        again=True,
    )
    title, recipe, stamp = _recipe(work, weights, max_steps)
    manifest = (data / f'{work.name}.manifest.json').read_bytes()
    key = manifest + ' '.join([*recipe, *stamp]).encode()
    work.forget_older(hashlib.sha256(key).hexdigest())
    named = [f'--dataset_name={work.name}', f'--dataset_dir={data}']
    flags = [*named, f'--train_dir={train_dir}', *recipe, '--seed=1']
    progress.step('train', title, programs.command('train_image_classifier.py', *flags))
    progress.step(
        'evaluate', 'evaluate on the validation pictures', _evaluation(work, named, train_dir)
    )
    frozen = _freeze(work, progress, train_dir, _calibrate(progress, named, train_dir))
    output = work.path / 'classify.txt'
    progress.step(
        'classify',
        'classify some pictures',
        programs.command('classify_image.py', f'--model={frozen}', *_pictures(work)),
        again=True,
        output=output,
    )
    print(output.read_text(encoding='utf-8'), end='')
    return frozen


def _evaluation(work, named, train_dir):
    """Return the command of the evaluation."""
    return programs.command(
        'eval_image_classifier.py',
        *named,
        '--dataset_split_name=validation',
        f'--checkpoint_path={train_dir}',
        f'--eval_dir={work.path}/eval',
    )


def _calibrate(progress, named, train_dir):
    """Learn the limits, unless there are too few pictures; return whether they are new."""
    return progress.step(
        'calibrate',
        'learn what the network does not know',
        programs.command('calibrate_image_classifier.py', *named, f'--checkpoint_path={train_dir}'),
        without='it cannot, so the model has no limits',
    )


def _conversion(work):
    """Return the flags of the conversion."""
    if not work.images:
        return [f'--dataset_name={work.name}', f'--dataset_dir={work.path}/data']
    work.link_source()
    return [
        f'--dataset_name={work.name}',
        f'--dataset_dir={work.source.parent}',
        f'--output_directory={work.path}/data',
        '--overwrite',
    ]


def _recipe(work, weights, max_steps):
    """Return (title of the step, flags of the training, words that tell the weights apart)."""
    if weights:
        flags = [f'--model_name={weights.network}', *recipes.exact_head(weights.path)]
        return f'train a new last layer of {weights.network}', flags, weights.stamp()
    flags = [f'--model_name={MODEL}', *recipes.from_scratch(MODEL, DRAWN)]
    if work.images:
        # With few pictures 45 epochs are too few steps. (A large folder would take hours: --steps.)
        manifest = work.read_json(f'data/{work.name}.manifest.json')
        pictures = manifest['splits']['train']['examples']
        flags.append(f'--num_epochs={max(45, 600 * 32 // max(1, pictures))}')
    return f'train {MODEL} at 128 pixels', [*flags, f'--max_number_of_steps={max_steps}'], []


def _freeze(work, progress, train_dir, has_new_limits):
    """Export the network and freeze it; return the path of the frozen graph."""
    has_limits = (work.path / 'calibrate.done').exists()
    (work.path / 'model').mkdir(exist_ok=True)
    graph, frozen = work.path / 'model/network.pb', work.path / f'model/{work.name}.pb'
    progress.step(
        'export',
        'export the network',
        programs.command(
            'export_inference_graph.py', f'--checkpoint_path={train_dir}', f'--output_file={graph}'
        ),
    )
    output = work.read_json('model/network.json')['nodes']['output']
    progress.step(
        'freeze',
        'freeze network and weights into one file',
        programs.command(
            'freeze_graph.py',
            f'--input_graph={graph}',
            '--input_binary=True',
            f'--input_checkpoint={train_dir}',
            f'--output_graph={frozen}',
            f'--output_node_names={output}',
            *([] if has_limits else ['--nolimits']),
        ),
        again=has_new_limits,
    )
    return frozen


def _pictures(work):
    """Return pictures that were not trained on: drawn ones, or the first held-out of each class."""
    if not work.images:
        folder = work.path / 'pictures'
        if not folder.exists():
            programs.run(programs.function(__name__, 'draw', str(folder)))
        return sorted(str(path) for path in folder.glob('*/*'))
    with open(work.path / 'eval/predictions.csv', newline='', encoding='utf-8') as stream:
        rows = list(csv.DictReader(stream))
    firsts = {row['true_class']: row['file_name'] for row in reversed(rows)}
    return [os.path.join(work.images, name) for name in sorted(firsts.values())[:5]]


def draw(folder):
    """Draw one flower of each kind into `folder`/KIND, which no training has seen, and a cat."""
    from datasets.samples import sample_flowers

    sample_flowers.write_pictures(folder, 1, seed='quickstart')
    unknown = os.path.join(folder, 'unknown')
    sample_flowers.write_unknowns(unknown, 1, seed='quickstart', kinds=('cat',))
