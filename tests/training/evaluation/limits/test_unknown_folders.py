"""Evaluations with folders of pictures that are of none of the classes."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from PIL import Image

from common import cli
from common.errors import UserError
from pictures.kinds import BadImage
from support.files import classifier_files, records
from training.evaluation.evaluation_options import EvaluationOptions
from training.evaluation.limits import unknown_folders, unknowns
from training.evaluation.limits.unknowns import Scores

ENCODED = [records.encoded(records.picture(100 + number), 'png') for number in range(6)]
ORDER = (1, 3, 5, 0, 2, 4)  # Files are sorted by their names.


def test_the_figures_are_those_of_the_pictures_one_by_one(limited, strange):
    program = limited.program
    folder = f'{strange}/'
    program.run(unknown_dir=(folder,), batch_size=4)
    found = program.json()['unknowns'][folder]
    with limited.evaluator() as evaluator:
        batches = []
        evaluator.count(batches.append)
        known = Scores.joined([Scores.of(b.log_probabilities, b.verdicts) for b in batches])
        strange_ones = Scores.joined([Scores.of(*evaluator.classify([ENCODED[n]])) for n in ORDER])
    wanted = unknowns.measure(folder, 1, known, strange_ones)
    assert (found['count'], found['skipped']) == (6, 1)
    for name, figure in wanted.figures.items():
        assert found[name] == pytest.approx(figure, abs=1e-6), name
        np.testing.assert_allclose(found['intervals'][name], wanted.intervals[name], atol=1e-6)
    assert found['known_accepted'] == program.json()['limits']['accepted']


def test_every_figure_is_printed_beside_that_of_the_softmax(limited, strange, log):
    program = limited.program
    program.run(unknown_dir=(str(strange),))
    table = program.lines[program.lines.index('') + 1 :]
    place = next(n for n, line in enumerate(table) if line.startswith('pictures of none of'))
    assert table[place].endswith('  plain softmax')
    assert table[place + 1] == f'{strange}, 6 pictures'
    found = program.json()['unknowns'][str(strange)]
    auroc = table[place + 2].split()
    assert (auroc[0], auroc[1]) == ('AUROC', f'{found["auroc"]:.4f}')
    assert f'{found["softmax_auroc"]:.4f}' in auroc[2:]
    assert table[place + 4].split()[:2] == ['rejected', f'{found["rejected"]:.4f}']
    assert f'SKIPPED {strange}/readme.txt: not a picture (text)' in log()
    with Image.open(program.eval_dir / 'unknowns.png') as picture:
        assert picture.width > 800


def test_each_folder_has_its_figures_and_a_curve(limited, strange, tmp_path):
    other = tmp_path / 'other'
    other.mkdir()
    (other / 'a.png').write_bytes(ENCODED[0])
    program = limited.program
    program.run(unknown_dir=(str(other), str(strange)))
    found = program.json()['unknowns']
    assert {name: each['count'] for name, each in found.items()} == {str(other): 1, str(strange): 6}
    [events] = program.eval_dir.glob('events.*')
    tags = {
        value.tag
        for event in tf.train.summary_iterator(str(events))
        for value in event.summary.value
    }
    assert {f'eval/Unknowns/auroc/{other}', 'eval/unknowns'} <= tags
    program.run()
    assert 'unknowns' not in program.json()
    assert not (program.eval_dir / 'unknowns.png').exists()


def test_without_limits_the_softmax_is_measured_and_a_line_says_what_to_do(program, strange):
    program.save()
    program.run(unknown_dir=(str(strange),))
    found = program.json()['unknowns'][str(strange)]
    assert found['auroc'] is found['rejected'] is found['intervals']['auroc'] is None
    assert 0 <= found['softmax_auroc'] <= 1
    assert 'calibrate_image_classifier.py' in program.lines[-1]
    with Image.open(program.eval_dir / 'unknowns.png') as picture:
        assert picture.width < 800


def test_a_folder_whose_pictures_are_all_damaged_has_no_figures(limited, tmp_path, log):
    folder = tmp_path / 'cut'
    folder.mkdir()
    (folder / 'a.png').write_bytes(ENCODED[0][:-30])
    limited.program.run(unknown_dir=(str(folder),))
    found = limited.program.json()['unknowns'][str(folder)]
    assert (found['count'], found['skipped'], found['softmax_auroc']) == (0, 1, None)
    assert f'SKIPPED {folder}/a.png: truncated or damaged PNG' in log()
    assert not (limited.program.eval_dir / 'unknowns.png').exists()


class Refusing:
    """An evaluator that cannot read one of the pictures, and says so only of whole batches."""

    def __init__(self):
        self.limits = {}

    def classify(self, encoded):
        if ENCODED[2] in encoded:
            raise BadImage('cannot be read')
        return np.log(np.full((len(encoded), 2), 0.5)), None


def test_a_picture_that_only_the_network_refuses_is_skipped(strange):
    skipped = []
    found = unknown_folders.evaluate(
        str(strange), Refusing(), 4, Scores(np.zeros(3)), lambda *parts: skipped.append(parts[1])
    )
    assert (found.count, found.skipped) == (5, 2)
    assert sorted(skipped) == [f'{strange}/more/2.png', f'{strange}/readme.txt']


@pytest.mark.parametrize(
    ('make', 'fault'),
    [
        (lambda path: None, 'no such folder'),
        (lambda path: path.write_text('a file'), 'not a folder'),
        (lambda path: path.mkdir(), 'the folder is empty'),
        (lambda path: (path / 'sub').mkdir(parents=True), 'the folder is empty'),
        (lambda path: (path.mkdir(), (path / 'a.txt').write_text('a')), 'has no pictures'),
    ],
)
def test_a_folder_without_pictures_is_one_line_before_any_work(tmp_path, make, fault):
    data = classifier_files.write_data(tmp_path / 'data', [0, 1, 2])
    path = tmp_path / 'unknown'
    make(path)
    given = cli.read(EvaluationOptions, [f'--dataset_dir={data}', f'--unknown_dir={path}'])
    with pytest.raises(UserError) as caught:
        given.check_files()
    assert str(caught.value) == f'--unknown_dir={path}: {fault}'


def test_folders_are_kept_as_typed_and_once():
    typed = ['--unknown_dir=a,b/', '--unknown_dir', 'c', '--unknown_dir=c']
    assert cli.read(EvaluationOptions, typed).unknown_dir == ('a,b/', 'c')
    with pytest.raises(UserError, match=r'^--unknown_dir=c: cannot be combined with --test_time'):
        cli.read(EvaluationOptions, ['--unknown_dir=c', '--test_time_flips'])
