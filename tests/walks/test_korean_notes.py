"""The Korean notes' sequence, flag for flag: only the names of the programs are other ones.

What is added to the notes' flags stands apart: the notes train for hours on a GPU.
"""

import io
import os
import re
import sys

import pytest
from PIL import Image

from datasets.samples import painters
from support import reference
from support.files import checkpoint_files
from support.shell import programs

# The programs' own tests read the notes' flags in the default run.
pytestmark = pytest.mark.soak
# The smallest pictures that Inception-v3 takes, and two steps.
ADDED = ('--train_image_size=75', '--max_number_of_steps=2', '--log_every_n_steps=1')
NO_GPU = {'CUDA_VISIBLE_DEVICES': ''}


def picture(kind, seed, form='JPEG', size=None):
    """Return a drawn picture as a file of a form, enlarged if a size is given."""
    drawn = Image.open(io.BytesIO(painters.draw_flower(kind, seed)))
    stream = io.BytesIO()
    (drawn.resize(size) if size else drawn).save(stream, form)
    return stream.getvalue()


def write_food(root):
    """Write gim and tuk as the notes have them: PNG among them, a large one, and a .DS_Store."""
    for split, count in (('train', 12), ('val', 3)):
        for name, kind in (('gim', 'daisy'), ('tuk', 'tulips')):
            folder = root / 'img' / split / name
            folder.mkdir(parents=True)
            for number in range(1, count + 1):
                seed = f'{split}/{name}/{number}'
                stem = folder / f'{name}_{split}_{number:05d}'
                if number == 1:
                    stem.with_suffix('.png').write_bytes(picture(kind, seed, 'PNG'))
                else:
                    size = (1600, 1300) if number == 2 else None
                    stem.with_suffix('.jpg').write_bytes(picture(kind, seed, size=size))
            (folder / '.DS_Store').write_bytes(b'\0\0\0\1Bud1')
    (root / 'labels').write_text('gim\ntuk\n')


def run(directory, program, *flags, **environment):
    command = (
        [sys.executable, str(programs.ROOT / program)] if program.endswith('.py') else [program]
    )
    return programs.said_by([*command, *flags], directory, {**os.environ, **environment})


@pytest.fixture(scope='module')
def here(tmp_path_factory):
    """Return the directory where the reader of the notes stands, with `dataset/food` in it."""
    here = tmp_path_factory.mktemp('slim')
    write_food(here / 'dataset/food')
    facts = reference.facts('inception_v3')
    weights = {
        name: reference.weights(name, shape) for name, shape in facts['model_variables'].items()
    }
    checkpoint_files.write(here / 'models', weights, 'inception_v3.ckpt', v1=True, state=False)
    (here / 'eval').mkdir()
    return here


def test_convert(here):
    data = here / 'dataset/food'
    shown = run(
        here, 'download_and_convert_data.py',
        f'--train_directory={data}/img/train',
        f'--validation_directory={data}/img/val',
        f'--output_directory={data}/tfrecord',
        f'--labels_file={data}/labels',
        '--train_shards=1',
        '--validation_shards=1',
        '--num_threads=1',
    )  # fmt: skip
    made = {path.name for path in (data / 'tfrecord').iterdir()}
    assert {'train-00000-of-00001', 'validation-00000-of-00001', 'labels.txt'} <= made
    assert re.search(r'train\D+24\b', shown), shown
    assert re.search(r'validation\D+6\b', shown), shown


def test_train(here):
    shown = run(
        here, 'train_image_classifier.py',
        f'--train_dir={here}/models/food',
        f'--data_dir={here}/dataset/food/tfrecord',
        f'--pretrained_model_checkpoint_path={here}/models/inception_v3.ckpt',
        '--fine_tune=True',
        '--initial_learning_rate=0.01',
        '--batch_size=24',
        *ADDED,
    )  # fmt: skip
    assert f'Fine-tuning from {here}/models/inception_v3.ckpt' in shown
    assert 'Training inception_v3 on 24 pictures of 2 classes' in shown, shown
    assert 'global step 2: loss = ' in shown
    assert (here / 'models/food/model.ckpt-2.index').exists()


@pytest.mark.parametrize(
    ('eval_dir', 'how', 'added'),
    [
        ('eval', ['--run_once'], []),
        ('eval_watch', ['--eval_interval_secs=300'], ['--max_evaluations=1']),
    ],
    ids=['once', 'every 300 seconds'],
)
def test_evaluate(here, eval_dir, how, added):
    shown = run(
        here, 'eval_image_classifier.py',
        f'--eval_dir={here}/{eval_dir}',
        f'--data_dir={here}/dataset/food/tfrecord',
        '--subset=validation',
        '--num_examples=6',
        '--batch_size=6',
        f'--checkpoint_dir={here}/models/food',
        '--input_queue_memory_factor=1',
        *how,
        *added,
        **NO_GPU,
    )  # fmt: skip
    assert f'Restoring parameters from {here}/models/food/model.ckpt-2' in shown
    assert 'Evaluation [1/1]' in shown
    assert re.search(r'eval/Accuracy\[(0|0\.\d+|1)\]', shown), shown
    assert (here / eval_dir / 'metrics.json').exists()


def test_sweep(here):
    """The notes' rates; a small network, and one rate more that is too high for any."""
    shown = run(
        here, str(programs.ROOT / 'scripts/sweep_learning_rate.sh'),
        f'--data_dir={here}/dataset/food/tfrecord',
        '--batch_size=24',
        '--learning_rates=1e9,0.01,0.0001',
        '--model_name=lenet', '--optimizer=sgd', '--max_number_of_steps=20',
    )  # fmt: skip
    sweep = here / 'learning_rates'
    rows = re.findall(r'^ +(\S+) +(\d+) +(\S+) +\d+ s(?:  (.*))?$', shown, re.MULTILINE)
    assert [row[0] for row in rows] == ['1e+09', '0.01', '0.0001'], shown
    assert re.fullmatch(r'diverged at step \d+', rows[0][3])
    assert [row[1] for row in rows[1:]] == ['20', '20']
    assert not rows[1][3]
    for rate in ('lr_0.01', 'lr_0.0001'):
        assert list((sweep / rate).glob('events.out.tfevents.*'))
    with Image.open(sweep / 'learning_rates.png') as plot:
        colours = plot.convert('RGB').getcolors(1 << 20)
    assert len(colours) > 3
