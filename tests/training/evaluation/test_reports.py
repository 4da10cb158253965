"""What an evaluation tells people, and its files."""

import json

import numpy as np
import pytest
from scipy.special import log_softmax

from classifiers.watch import Checkpoint
from common.errors import UserError
from support.files import small_models
from training.evaluation import reports
from training.evaluation.metrics import Metrics


class SomeDataset:
    """As much of a data set as reports look at."""

    dataset_name, split_name = 'food', 'test'


def evaluation(names, labels=(0, 1), predicted=(0, 1), step=1, offset=0, **settings):
    """Make an evaluation in which each of the labels got its prediction."""
    logits = 3.0 * np.eye(len(names))[list(predicted)]
    metrics = Metrics(len(names))
    metrics.update(list(labels), log_softmax(logits, axis=1))
    info = small_models.describe(class_names=names).replace(labels_offset=offset)
    return reports.Evaluation(
        Checkpoint(f'/run/model.ckpt-{step}', step, f'hash {step}'),
        info,
        SomeDataset,
        settings,
        metrics,
        '2026-01-02-03:04:05',
    )


def test_the_figures_keep_the_form_that_scripts_look_for():
    made = evaluation('abcdefg', labels=[0] * 3, predicted=[0, 0, 6])
    first, second, *_ = reports.lines(made)
    assert first == 'eval/Accuracy[0.66666667]'
    assert second == 'eval/Recall_5[1]'
    assert next(reports.lines(evaluation('ab'))) == 'eval/Accuracy[1]'


@pytest.mark.parametrize(('classes', 'k'), [(1, 1), (2, 2), (4, 4), (5, 5), (1000, 5)])
def test_recall_is_at_five_or_at_as_many_as_there_are(classes, k):
    made = evaluation([str(n) for n in range(classes)], labels=[0], predicted=[0])
    assert f'eval/Recall_{k}' in made.figures
    assert f'recall_{k}' in reports.as_json(made)


def test_names_give_no_orders_to_a_terminal():
    names = ['\x1b[31mred', 'two\nlines']
    shown = list(reports.lines(evaluation(names, labels=(0, 1), predicted=(1, 1))))
    assert all(line.isprintable() for line in shown)
    assert any('\\x1b[31mred taken for two\\nlines: 1' in line for line in shown)


def test_the_table_is_aligned_whatever_letters_the_names_have():
    names = ['장미', 'rose', '蒲公英', 'Lo\u0308wenzahn']
    table = list(reports._class_table(evaluation(names)))
    starts = [
        sum(2 if letter > '\u1100' else 0 if letter == '\u0308' else 1 for letter in row[:at])
        for row, at in [(row, row.index('.') - 1) for row in table[1:]]
    ]
    assert len(table) == 5
    assert len(set(starts)) == 1


def test_of_very_many_classes_the_worst_are_shown_and_all_are_in_the_json():
    made = evaluation([f'class {n}' for n in range(150)], labels=[7, 8, 9], predicted=[8, 8, 9])
    table = list(reports._class_table(made))
    assert table[0].startswith('the 100 worst of 150 classes')
    assert len(table) == 102
    assert table[2].split()[1:3] == ['class', '7']
    assert len(reports.as_json(made)['classes']) == 150


def test_labels_are_those_of_the_records():
    made = evaluation(['a', 'b'], offset=1)
    assert [row['label'] for row in reports.as_json(made)['classes']] == [1, 2]
    assert [row.split()[0] for row in list(reports._class_table(made))[1:]] == ['1', '2']


def test_confused_pairs_are_named_with_their_share():
    made = evaluation(['cat', 'dog'], labels=[0, 0, 0, 1], predicted=[1, 1, 0, 1])
    assert list(reports.lines(made))[-1] == '  cat taken for dog: 2 (66.7%)'
    assert reports.as_json(made)['most_confused'] == [
        {'true': 'cat', 'predicted': 'dog', 'count': 2}
    ]
    assert 'most often' not in '\n'.join(reports.lines(evaluation(['cat', 'dog'])))


def test_json_is_strict():
    made = evaluation(['a', 'b', 'c'], labels=[0], predicted=[1])
    json.dumps(reports.as_json(made), allow_nan=False)


def test_history_has_a_line_for_each_checkpoint_and_survives_a_restart(tmp_path):
    path = tmp_path / 'metrics.csv'
    history = reports.History(path)
    for step in (1, 2, 1):
        history.add(evaluation(['a,b', 'c"d'], step=step, flips=True))
    assert [line.split(',')[2] for line in path.read_text().splitlines()] == ['step', '2', '1']
    again = reports.History(path)
    made = evaluation(['a,b', 'c"d'], step=2, flips=True)
    assert reports.key(made.checkpoint, made.dataset, made.settings) in again
    assert reports.key(made.checkpoint, made.dataset, {'flips': False}) not in again
    again.add(evaluation(['a,b', 'c"d'], step=3))
    assert len(path.read_text().splitlines()) == 4


@pytest.mark.parametrize('content', [b'epoch,accuracy\n1,0.5\n', b'\xff\xfe\x00', b'a\0b\n"x'])
def test_a_foreign_metrics_csv_is_not_overwritten(tmp_path, content):
    path = tmp_path / 'metrics.csv'
    path.write_bytes(content)
    with pytest.raises(UserError, match=r'not the metrics.csv of an evaluation'):
        reports.History(path)
    path.write_text('')
    reports.History(path)
