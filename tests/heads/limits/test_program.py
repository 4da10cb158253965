"""Calibration of classifiers and data sets of every kind."""

import numpy as np
import pytest

from classifiers import model_info
from common.errors import UserError
from heads.limits import known_pictures, limits_files, program
from heads.limits.calibrate_options import CalibrateOptions
from nets import nets_factory
from support import families
from support.files import classifier_files, records, small_models

QUICK = ('lenet', 'cifarnet')


class Case:
    """A classifier that nobody trained, and pictures for it."""

    def __init__(self, directory):
        self.train_dir, self.data = directory / 'a run', directory / 'some data'

    def write(self, classes, train, validation, *, offset=0, has_body=False, info=None, **options):
        """Write the labels of both splits as pictures, and a checkpoint."""
        info = info or classifier_files.describe(classes).replace(labels_offset=offset)
        if has_body:
            body = classifier_files.write(self.train_dir / 'body', info)
            info = info.replace(weights_source=body)
        classifier_files.write(self.train_dir, info, **options)
        for split, labels in (('train', train), ('validation', validation)):
            if len(labels):
                first = 1000 * (split == 'validation')
                names = [f'class_{label - offset}' for label in range(classes + offset)]
                classifier_files.write_data(self.data, labels, split, names=names, first=first)

    def calibrate(self, **typed):
        """Return (Limits, the lines of the report)."""
        lines = []
        options = CalibrateOptions(
            **{
                'checkpoint_path': str(self.train_dir),
                'dataset_dir': str(self.data),
                'dataset_name': classifier_files.NAME,
                **typed,
            }
        )
        limits = program.run(options, report=lines.append)
        assert limits_files.read(self.checkpoint).described() == limits.described()
        return limits, lines

    @property
    def checkpoint(self):
        return str(self.train_dir / 'model.ckpt-1')


@pytest.fixture
def case(tmp_path):
    return Case(tmp_path)


def cycle(classes, count):
    return np.arange(count) % classes


def test_one_class(case):
    case.write(1, cycle(1, 30), cycle(1, 20))
    limits, lines = case.calibrate()
    assert all(term.layer != 'logits' for term in limits.terms)
    assert limits.temperature == 1
    assert any('1 of the 3 classes' in line for line in lines)


def test_two_classes(case):
    case.write(2, cycle(2, 60), cycle(2, 30))
    limits, lines = case.calibrate()
    assert limits.num_held_out == 30
    assert any('2 of the 3 classes' in line for line in lines)


def test_five_pictures_a_class(case):
    case.write(4, cycle(4, 20), cycle(4, 4), has_body=True)
    limits, lines = case.calibrate()
    assert limits.num_held_out == 24
    assert 'held out: 4 validation pictures and 20 training pictures, each held out' in lines


def test_few_validation_pictures_are_a_warning(case):
    case.write(3, cycle(3, 30), cycle(3, 6))
    limits, lines = case.calibrate()
    assert limits.num_held_out == 6
    assert limits.sets is None
    [warning] = [line for line in lines if line.startswith('WARNING')]
    assert 'needs 19' in warning


def test_classes_without_pictures(case):
    case.write(6, 1 + cycle(3, 60), 1 + cycle(4, 120))
    limits, _ = case.calibrate()
    assert limits.num_held_out == 120


@pytest.mark.parametrize('num_validation', [0, 4])
def test_a_class_without_pictures_under_a_head_on_frozen_layers(case, num_validation):
    case.write(4, cycle(3, 45), cycle(4, num_validation), has_body=True)
    limits, _ = case.calibrate()
    assert limits.num_held_out == 45 + num_validation
    assert np.isfinite(limits.threshold)


def test_a_single_picture_of_the_other_class_is_one_line(case):
    case.write(2, [0] * 8 + [1], [], has_body=True)
    with pytest.raises(UserError, match='none can be held out; two classes need two pictures each'):
        case.calibrate()


def test_all_training_pictures_are_of_one_class_of_two(case):
    case.write(2, [1] * 30, [], has_body=True)
    assert case.calibrate()[0].num_held_out == 30


def test_a_file_without_validation_records(case):
    case.write(3, cycle(3, 45), cycle(3, 3), has_body=True)
    [path] = case.data.glob('*_validation_*')
    records.write(path, [])
    assert case.calibrate()[0].num_held_out == 45


def test_many_classes(case):
    case.write(200, cycle(200, 400), cycle(200, 120))
    limits, _ = case.calibrate()
    assert limits.num_held_out == 120


def test_labels_that_begin_at_one(case):
    case.write(3, 1 + cycle(3, 60), 1 + cycle(3, 30), offset=1)
    limits, _ = case.calibrate()
    assert limits.num_held_out == 30
    info = model_info.read_beside(case.checkpoint)
    assert info.labels_offset == 1
    dataset = classifier_files.dataset(case.data)
    pictures, _ = known_pictures.read(info, case.checkpoint, dataset, str(case.data / 'features'))
    assert np.bincount(pictures.outputs).tolist() == [10, 10, 10]


def test_pictures_that_are_all_the_same_are_one_line(case, monkeypatch):
    same = records.picture(0)
    monkeypatch.setattr(records, 'picture', lambda *_: same)
    case.write(3, cycle(3, 60), cycle(3, 30))
    words = 'nothing can be learnt from these pictures: the pictures of each class have the same'
    with pytest.raises(UserError, match=words) as found:
        case.calibrate()
    assert '\n' not in str(found.value)
    assert not (case.train_dir / 'limits.json').exists()


def test_two_classes_of_the_same_pictures(case, monkeypatch):
    draw = records.picture
    monkeypatch.setattr(records, 'picture', lambda number: draw(number // 2))
    case.write(2, cycle(2, 60), cycle(2, 30))
    assert np.isfinite(case.calibrate()[0].threshold)


def test_a_checkpoint_that_was_described_by_flags(case):
    case.write(3, cycle(3, 30), cycle(3, 30), described=False)
    limits, _ = case.calibrate(model_name='lenet')
    assert limits.num_held_out == 30


@pytest.mark.parametrize('averaged', [True, False])
def test_averages_are_used_as_in_every_program(case, averaged):
    info = classifier_files.describe(3).replace(moving_average_decay=0.9)
    case.write(3, cycle(3, 30), cycle(3, 30), info=info, averages=True)
    limits, _ = case.calibrate(use_moving_averages=averaged)
    wanted = classifier_files.values(info, averages=True)
    name = 'LeNet/fc4/weights' + ('/ExponentialMovingAverage' if averaged else '')
    read = info if averaged else info.replace(moving_average_decay=None)
    head = known_pictures.read_head(read, case.checkpoint, 'LeNet/fc4')
    np.testing.assert_array_equal(head.weights, wanted[name])
    assert limits.num_held_out == 30


def test_a_part_of_a_large_split_is_used(case, monkeypatch):
    monkeypatch.setattr(known_pictures, '_MOST_PICTURES', 20)
    case.write(3, cycle(3, 60), cycle(3, 30))
    assert case.calibrate()[0].num_held_out == 20


def test_every_family_has_a_size():
    assert families.families_of(families.SMALLEST) == families.families_of(nets_factory.MODELS)


@pytest.mark.parametrize(
    'name',
    [pytest.param(n, marks=() if n in QUICK else pytest.mark.soak) for n in families.SMALLEST],
)
def test_every_family_is_calibrated(name, case):
    names = [f'class_{label}' for label in range(3)]
    info = small_models.describe(name, families.SMALLEST[name], names)
    info = info.replace(dataset_name=classifier_files.NAME)
    case.write(3, cycle(3, 60), cycle(3, 30), info=info)
    limits, _ = case.calibrate()
    assert limits.num_held_out == 30
    assert {term.layer for term in limits.terms} >= {'features', known_pictures.earlier(info)[1]}
