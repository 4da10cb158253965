"""The drawn data set: always the same, never the same twice, and no gift to a linear classifier."""

import dataclasses
import hashlib
import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from datasets.conversion import convert
from datasets.samples import painters, sample_flowers, sample_unknowns
from support.checkout import ROOT
from support.files.pictures import normalise


@pytest.fixture(scope='module')
def spec(tmp_path_factory):
    return sample_flowers.make_spec(str(tmp_path_factory.mktemp('sample')))


def of_split(spec, split):
    return [example for example in spec.examples if example.split == split]


def pixels(data, side):
    image = Image.open(io.BytesIO(data)).resize((side, side), Image.Resampling.BOX)
    return np.asarray(image, np.float32).ravel() / 255


def linear_accuracy(train, validation, side):
    """Return the best validation accuracy that regularisation gives a linear classifier."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    found, expected = (
        (np.stack([pixels(data, side) for data, _ in part]), [label for _, label in part])
        for part in (train, validation)
    )
    models = [LogisticRegression(C=c, max_iter=200, tol=1e-2) for c in (1e-3, 1e-2, 0.1, 1.0)]
    with threadpool_limits(1):
        return max(model.fit(*found).score(*expected) for model in models)


def drawn(examples):
    return [(example.data(), example.label) for example in examples]


def test_the_description_says_what_is_drawn(spec):
    assert spec.name == 'sample_flowers'
    assert spec.class_names == ('daisy', 'dandelion', 'roses', 'sunflowers', 'tulips')
    for split, size in sample_flowers.SPLITS_TO_SIZES.items():
        labels = [example.label for example in of_split(spec, split)]
        assert np.bincount(labels).tolist() == [size // 5] * 5
    assert len({example.filename for example in spec.examples}) == len(spec.examples) == 1200
    for example in spec.examples:
        assert example.filename.startswith(spec.class_names[example.label] + '/')


def test_train_and_validation_come_from_disjoint_seeds(spec):
    train, validation = (
        {example.data.args for example in of_split(spec, split)}
        for split in ('train', 'validation')
    )
    assert len(train) == 1000
    assert len(validation) == 200
    assert not train & validation
    other = sample_flowers.make_spec('unused', random_seed=1)
    assert not train & {example.data.args for example in other.examples}
    assert other.source != spec.source


def test_pictures_are_the_same_in_every_process(spec):
    examples = spec.examples[:5]
    program = (
        'import hashlib; from datasets.samples import painters as sample_painters\n'
        f'for kind, seed in {[example.data.args for example in examples]!r}:\n'
        '    data = sample_painters.draw_flower(kind, seed)\n'
        '    print(hashlib.sha256(data).hexdigest())'
    )
    elsewhere = subprocess.run(
        [sys.executable, '-c', program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    here = [hashlib.sha256(example.data()).hexdigest() for example in examples]
    assert elsewhere.stdout.split() == here


# Digests of the first four pictures of each kind, as Pillow's JPEG encoder of the lock file writes
# them. Another drawing needs another _DRAWING_VERSION in sample_flowers.py.
DIGESTS = {
    'daisy': '187aed3c88765b94',
    'dandelion': '4a2df815130959d3',
    'roses': '1de68e1bb3c26d80',
    'sunflowers': '0a8ac7e11b4a9a58',
    'tulips': '821e8f3a314e1990',
}
UNKNOWN_DIGESTS = {
    'cat': '9281a127940aabbe',
    'car': '9136a5626dce87b8',
    'house': '0d8158652e739b58',
    'tree': 'b7439905d3cf334d',
    'fish': 'a8eeb15da9a9e6eb',
    'castle': 'ca5019211f4e05af',
    'shapes': '43d6d48ce1019aa3',
}


def digest(draw, kind, seeds):
    return hashlib.sha256(b''.join(draw(kind, seed) for seed in seeds)).hexdigest()[:16]


def test_the_drawings_do_not_change():
    trained_on = [f'0/train/{number}' for number in range(4)]
    for kind in painters.KINDS:
        assert digest(painters.draw_flower, kind, trained_on) == DIGESTS[kind], kind
    unknown = [f'0/{number}' for number in range(4)]
    for kind in sample_unknowns.KINDS:
        assert digest(sample_unknowns.draw_unknown, kind, unknown) == UNKNOWN_DIGESTS[kind], kind


def test_further_kinds_are_drawn_only_when_asked_for(tmp_path):
    assert painters.FURTHER_KINDS == ('irises', 'lavender', 'lilies')
    assert not set(painters.FURTHER_KINDS) & set(sample_flowers.CLASS_NAMES)
    sample_flowers.write_pictures(tmp_path, 2, kinds=('roses', *painters.FURTHER_KINDS))
    folders = sorted(os.listdir(tmp_path))
    assert folders == ['irises', 'lavender', 'lilies', 'roses']
    drawn = {path.read_bytes() for path in tmp_path.rglob('*.jpg')}
    assert len(drawn) == 8
    assert {normalise(data).format for data in drawn} == {'jpeg'}


@pytest.mark.parametrize('kind', sample_unknowns.FURTHER_KINDS)
def test_textures_noise_and_blank_pictures_differ_and_pass_as_they_are(kind):
    pictures = [sample_unknowns.draw_unknown(kind, seed) for seed in range(8)]
    assert len(set(pictures)) == 8
    assert pictures[0] == sample_unknowns.draw_unknown(kind, 0)
    assert all(normalise(data).data is data for data in pictures)
    spreads = [np.asarray(Image.open(io.BytesIO(data))).std(axis=(0, 1)).max() for data in pictures]
    assert max(spreads) < 1 if kind == 'blank' else min(spreads) > 2


def test_pictures_are_varied_photographs_that_pass_as_they_are(spec):
    pictures = [data for data, _ in drawn(spec.examples[:25])]
    assert len(set(pictures)) == 25
    normalised = [normalise(data) for data in pictures]
    assert all(found.data is data for found, data in zip(normalised, pictures, strict=True))
    sides = [side for found in normalised for side in (found.width, found.height)]
    assert 180 <= min(sides) < 230
    assert 370 < max(sides) <= 420


def test_a_linear_classifier_stays_below_70_percent(spec):
    train = drawn(of_split(spec, 'train')[:150])
    validation = drawn(of_split(spec, 'validation')[:75])
    assert linear_accuracy(train, validation, 16) < 0.7


@pytest.mark.soak
def test_a_linear_classifier_stays_below_70_percent_on_the_whole_set(spec):
    train, validation = (drawn(of_split(spec, split)) for split in ('train', 'validation'))
    for side in (8, 16, 32, 64):
        assert linear_accuracy(train, validation, side) < 0.7, side


def test_it_converts_and_reads_like_any_data_set(spec, tmp_path):
    few = of_split(spec, 'train')[:10] + of_split(spec, 'validation')[:5]
    small = dataclasses.replace(spec, examples=few)
    options = convert.ConvertOptions(num_processes=1)
    convert.convert(small, str(tmp_path), options, report=lambda line: None)
    dataset = sample_flowers.get_split('validation', str(tmp_path))
    assert (dataset.num_samples, dataset.num_classes) == (5, 5)
    assert dataset.labels_to_names[4] == 'tulips'


def test_class_folders_of_pictures_can_be_written(tmp_path):
    sample_flowers.write_pictures(tmp_path, 2, seed=3)
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob('*.jpg'))
    assert len(found) == 10
    assert found[0] == 'daisy/sample_00000.jpg'
    data = (tmp_path / found[0]).read_bytes()
    assert data == painters.draw_flower('daisy', '3/sample/0')


def test_unknowns_are_pictures_of_every_other_kind(tmp_path):
    reports = []
    sample_flowers.make_spec(str(tmp_path), unknowns=True, report=reports.append)
    folder = tmp_path / 'sample_unknowns'
    names = sorted(os.listdir(folder))
    assert {name.split('_')[0] for name in names} == set(sample_unknowns.KINDS)
    assert len({(folder / name).read_bytes() for name in names}) == len(names) == 70
    assert normalise((folder / names[0]).read_bytes()).format == 'jpeg'
    assert reports == [f'{folder}: 70 pictures without flowers']


def test_unknowns_of_further_kinds_can_be_written(tmp_path):
    sample_flowers.write_unknowns(tmp_path, 4, kinds=('noise', 'blank'))
    names = sorted(os.listdir(tmp_path))
    assert names == ['blank_00001.jpg', 'blank_00003.jpg', 'noise_00000.jpg', 'noise_00002.jpg']
