"""What the PyTorch reimplementation's users do: train, resume, test, classify one picture.

Where they edit config.py, flags are typed here; `--train_dir` names the run.
"""

import io
import json
import re
import subprocess
import sys

import pytest

from common import archives
from datasets import cifar10, sources
from datasets.conversion import convert
from datasets.samples import painters
from serving.terminal import classify
from serving.terminal.classify_options import ClassifyOptions
from support.checkout import ROOT
from support.files import published_files
from training import train
from training.evaluation import program as evaluation
from training.evaluation.evaluation_options import EvaluationOptions
from training.options import TrainOptions

KINDS = painters.KINDS
SYNSETS = ('n01440764', 'n01443537', 'n01629819')


def cifar(root):
    """Write the unpacked archive of pickles, as the University of Toronto has it."""
    form = cifar10.DATASET.pickles
    path = published_files.cifar_python(root / form.archive.name, cifar10.DATASET, count=8)
    archives.unpack(path, root)
    path.unlink()


def draw(folder, kind, numbers, name):
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        data = painters.draw_flower(kind, f'{kind}/{number}')
        (folder / name.format(number)).write_bytes(data)


def tiny_imagenet(root):
    """Write the unpacked archive: training pictures by synset, validation pictures in a list."""
    root = root / 'tiny-imagenet-200'
    lines = []
    for synset, kind in zip(SYNSETS, KINDS, strict=False):
        draw(root / 'train' / synset / 'images', kind, range(8), f'{synset}_{{}}.JPEG')
        draw(root / 'val' / 'images', kind, range(100, 102), f'val_{synset}_{{}}.JPEG')
        lines += [f'val_{synset}_{number}.JPEG\t{synset}\t0\t0\t9\t9\n' for number in (100, 101)]
    (root / 'val' / 'val_annotations.txt').write_text(''.join(lines))
    (root / 'words.txt').write_text(''.join(f'{synset}\tkind {synset}\n' for synset in SYNSETS))


def caltech101(root):
    """Write a folder for each class, of unlike sizes, and the clutter that is no class."""
    root = root / '101_ObjectCategories'
    for number, kind in enumerate(KINDS):
        draw(root / kind, kind, range(6 + 2 * number), 'image_{:04}.jpg')
    draw(root / 'BACKGROUND_Google', 'daisy', range(300, 303), 'image_{:04}.jpg')


class Programs:
    """Call the programs, as their users do."""

    def __init__(self, data):
        self._data = data

    def convert(self):
        self._run('download_and_convert_data.py', self._data)

    def train(self, **options):
        self._run('train_image_classifier.py', self._data | options)

    def evaluate(self, **options):
        self._run('eval_image_classifier.py', self._data | options)

    def classify(self, model, picture):
        return self._run('classify_image.py', {'model': model}, picture)

    def _run(self, program, flags, *names):
        flags = [f'--{name}={value}' for name, value in flags.items()]
        command = [sys.executable, str(ROOT / program), *flags, *names]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


class Library:
    """Do in this process what the programs do, in a tenth of the time."""

    def __init__(self, data):
        self._data = data

    def convert(self):
        options = convert.ConvertOptions(num_processes=1)
        sources.run(sources.Request(options=options, **self._data), report=lambda line: None)

    def train(self, **options):
        assert train.train(TrainOptions(**self._data, **options)) == 0

    def evaluate(self, **options):
        evaluation.run(EvaluationOptions(**self._data, **options), report=lambda line: None)

    def classify(self, model, picture):
        stream = io.StringIO()
        options = ClassifyOptions(model=model, paths=(picture,))
        assert not classify.classify(options, stream)
        return stream.getvalue()


# Data set -> how it is done, what lies in its folder, network, classes, the split that is tested.
SHAPES = {
    'cifar10': (Library, cifar, 'cifarnet', 10, 'test'),
    'tiny_imagenet': (Programs, tiny_imagenet, 'mobilenet_v1_025', 3, 'validation'),
    'caltech101': (Library, caltech101, 'lenet', 5, 'validation'),
}


def identity(path):
    state = path.stat()
    return state.st_ino, state.st_mtime_ns


@pytest.mark.parametrize(
    'name',
    [pytest.param(n, marks=() if n == 'cifar10' else pytest.mark.soak) for n in SHAPES],
)
def test_train_resume_test_and_classify(tmp_path, name):
    kind, write, network, classes, split = SHAPES[name]
    data, run, results = tmp_path / 'data', tmp_path / 'samples' / 'run', tmp_path / 'results'
    write(data)
    way = kind({'dataset_dir': str(data), 'dataset_name': name})
    way.convert()

    wanted = {'model_name': network, 'train_dir': str(run), 'train_image_size': 32}
    wanted |= {'batch_size': 4, 'learning_rate': 0.001}
    way.train(**wanted, max_number_of_steps=2)
    description = json.loads((run / 'model.json').read_text())
    assert (description['model_name'], description['num_classes']) == (network, classes)
    before = identity(run / 'model.ckpt-2.index')

    way.train(**wanted, max_number_of_steps=3)
    # It went on: step 2 is the first run's, and step 3 the only one since.
    assert {path.stem for path in run.glob('*.index')} >= {'model.ckpt-2', 'model.ckpt-3'}
    assert identity(run / 'model.ckpt-2.index') == before

    way.evaluate(checkpoint_path=str(run), eval_dir=str(results))
    metrics = json.loads((results / 'metrics.json').read_text())
    assert (metrics['split_name'], metrics['step']) == (split, 3), metrics
    top_1_error = 1 - metrics['accuracy']
    assert 0 <= top_1_error <= 1

    picture = tmp_path / 'one.JPEG'
    picture.write_bytes(painters.draw_flower('roses', 'one'))
    answer = way.classify(str(run), str(picture))
    shares = [float(share) for share in re.findall(r'([\d.]+)%', answer)]
    assert len(shares) == min(5, classes), answer
    assert shares == sorted(shares, reverse=True)
    assert sum(each in answer for each in description['class_names']) >= len(shares)
