"""What classify_image.py prints if the model knows its limits."""

import csv
import io
import json
import os

import numpy as np
import pytest

from classifiers.verdicts import Outcome, Verdict
from common import text
from serving.model.engines.trial_pictures import trial_pictures
from serving.terminal.classify import classify
from serving.terminal.classify_options import ClassifyOptions
from serving.terminal.picture_arguments import PictureFile
from serving.terminal.row_formats import FORMATS
from serving.terminal.verdict_words import one_of
from support.files import limited_models, small_models

SETS = {'shown': 'lac', 'temperature': 1.0, 'lac': {'0.9': 0.25}, 'aps': {}}
LIMITS = {'temperature': 1.0, 'sets': SETS}
PLAIN = (0.9, 0.08, 0.02)
SURE, UNSURE = (0.8, 0.15, 0.05), (0.5, 0.3, 0.2)


def printed(form, paths, verdicts, names=('daisy', 'roses', 'tulips'), limits=LIMITS):
    """Return what a format makes of pictures, each with (calibrated probabilities, is_known)."""
    stream = io.StringIO()
    info = small_models.describe(class_names=names).replace(limits=limits)
    rows = FORMATS[form](stream, info, 5, [PictureFile(path) for path in paths])
    rows.open()
    for path, (calibrated, is_known) in zip(paths, verdicts, strict=True):
        verdict = Verdict(np.array(calibrated, np.float32), -0.25, 0.5, is_known)
        rows.write(path, Outcome(np.array(PLAIN, np.float32), verdict))
    rows.close()
    return stream.getvalue()


@pytest.mark.parametrize(
    ('verdict', 'heading'),
    [
        ((SURE, True), []),
        ((UNSURE, True), ['daisy or roses, at 90%']),
        ((SURE, False), ['none of these classes (most like daisy)']),
        ((UNSURE, False), ['none of these classes (most like daisy)']),
    ],
)
def test_a_table_of_one_picture_begins_with_the_verdict(verdict, heading):
    lines = printed('table', ['a.jpg'], [verdict]).splitlines()
    shares = zip(('daisy', 'roses', 'tulips'), verdict[0], strict=True)
    assert lines == [*heading, *(f'{name:6}   {100 * share:5.2f}%' for name, share in shares)]


def test_without_prediction_sets_there_are_only_the_classes():
    lines = printed('table', ['a.jpg'], [(UNSURE, True)], limits={**LIMITS, 'sets': {}})
    assert lines.splitlines()[0] == 'daisy    50.00%'


@pytest.mark.parametrize('names', [('daisy', 'roses', 'tulips'), ('데이지', '장미', '튤립')])
def test_a_table_of_several_pictures_stays_aligned(names):
    verdicts = [(UNSURE, True), (SURE, False), (SURE, True)]
    lines = printed('table', ['a.jpg', '데이지.jpg', 'c.jpg'], verdicts, names).splitlines()
    assert lines[0].startswith(f'a.jpg        50.00% {names[0]} ')
    assert lines[1].startswith(f'데이지.jpg  none of these classes (most like {names[0]})')
    seconds = [text.columns(line[: line.index(f'% {names[1]}')]) for line in lines]
    assert len(set(seconds)) == 1


def test_names_of_several_likely_classes_are_joined():
    assert one_of(('a', 'b')) == 'a or b'
    assert one_of(('a', 'b', 'c')) == 'a, b or c'
    assert one_of(('a', 'b', 'c', 'd')) == 'a, b, c or 1 other'
    assert one_of(tuple('abcdefgh')) == 'a, b, c or 5 others'


def test_names_give_no_orders_to_the_terminal():
    names = ('\x1b[2Ja', 'b\n', 'c')
    for verdict in ((UNSURE, True), (SURE, False)):
        assert '\x1b' not in printed('table', ['a.jpg'], [verdict], names)
        assert '\x1b' not in printed('table', ['a.jpg', 'b.jpg'], [verdict] * 2, names)


def test_csv_and_json_have_the_verdict_and_the_plain_probabilities():
    verdicts = [(UNSURE, True), (SURE, False)]
    heading, *rows = csv.reader(io.StringIO(printed('csv', ['a.jpg', 'b.jpg'], verdicts)))
    assert heading[-5:] == ['probability_3', 'is_known', 'p_known', 'unknown_score', 'likely']
    assert rows[0][2:4] == ['daisy', '0.9']
    assert rows[0][-4:] == ['true', '0.5', '-0.25', 'daisy|roses']
    assert rows[1][-4:] == ['false', '0.5', '-0.25', 'daisy']
    first, second = json.loads(printed('json', ['a.jpg', 'b.jpg'], verdicts))
    assert list(first) == ['file', 'is_known', 'p_known', 'unknown_score', 'likely', 'predictions']
    assert (first['is_known'], first['likely']) == (True, ['daisy', 'roses'])
    assert (second['is_known'], second['unknown_score']) == (False, -0.25)
    best = {'class': 'daisy', 'label': 0, 'probability': 0.9, 'calibrated': 0.5}
    assert first['predictions'][0] == best


def test_a_picture_that_cannot_be_read_has_empty_columns():
    stream = io.StringIO()
    info = small_models.describe(class_names=('a', 'b', 'c')).replace(limits=LIMITS)
    rows = FORMATS['csv'](stream, info, 2, [])
    rows.open()
    rows.write('a.jpg', problem='empty file')
    heading, row = csv.reader(io.StringIO(stream.getvalue()))
    assert row == ['a.jpg', 'empty file', *[''] * 8]
    assert len(heading) == len(row)


def test_the_verdicts_of_a_model_are_printed(directory, tmp_path):
    path = limited_models.frozen(tmp_path / 'a.pb', directory, limited_models.learnt(directory))
    pictures = [tmp_path / f'{number}.jpg' for number in range(4)]
    for file, data in zip(pictures, trial_pictures(), strict=True):
        file.write_bytes(data)

    def run(*files, **options):
        stream = io.StringIO()
        options = ClassifyOptions(model=path, paths=tuple(map(os.fspath, files)), **options)
        assert classify(options, stream) == 0
        return stream.getvalue()

    rows = json.loads(run(*pictures, format='json'))
    assert sorted(row['is_known'] for row in rows) == [False, False, True, True]
    assert all(row['likely'] and 0 <= row['p_known'] <= 1 for row in rows)
    table = run(*pictures).splitlines()
    for row, line, file in zip(rows, table, pictures, strict=True):
        assert ('none of these classes' in line) == (not row['is_known'])
        begins = run(file).startswith('none of these classes')
        assert begins == (not row['is_known'])
