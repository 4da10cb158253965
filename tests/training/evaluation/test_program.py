"""The evaluating program: what it prints and writes, and of which checkpoints and pictures."""

import csv
import shutil
import types

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from PIL import Image

from common.errors import UserError
from support import reference
from support.evaluations import INFO, Program
from support.files import checkpoint_files, classifier_files, records
from support.files.classifier_files import EXAMPLES
from training.evaluation import predictions, reports


def test_the_output_is_as_users_know_it(program, log_lines):
    path = program.save(step=7)
    assert program.run() == 1
    known = [line for line in log_lines() if line.startswith(('Restor', 'Start', 'Eval', 'Fin'))]
    assert known[0].startswith('Evaluating lenet on 23 pictures of 3 classes (data set shapes')
    assert known[1] == f'Restoring parameters from {path}'
    assert known[2][:-19] == 'Starting evaluation at '
    assert known[3:6] == ['Evaluation [1/3]', 'Evaluation [2/3]', 'Evaluation [3/3]']
    assert known[6].startswith('Finished evaluation at 20')
    accuracy = program.json()['accuracy']
    assert program.lines[:3] == [f'eval/Accuracy[{accuracy:.8g}]', 'eval/Recall_3[1]', '']
    assert program.lines[3].split() == ['label', 'class', 'precision', 'recall', 'f1', 'count']
    assert program.lines[4].split()[:2] == ['0', 'class_0']
    assert any(' taken for ' in line for line in program.lines)


def test_accuracy_equals_an_independent_count_over_the_predictions(program):
    program.save()
    program.run()
    rows = program.rows('predictions.csv')
    right = sum(row['true_class'] == row['class_1'] for row in rows)
    found = program.json()
    assert (len(rows), found['examples']) == (EXAMPLES, EXAMPLES)
    assert right / EXAMPLES == found['accuracy'] == float(program.rows()[0]['accuracy'])
    first = rows[0]
    assert first['file_name'] == 'validation/0.png'
    assert int(first['true_label']) == classifier_files.labels_of(EXAMPLES)[0]
    shares = [float(first[f'probability_{place}']) for place in (1, 2, 3)]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert sum(row['count'] for row in found['classes']) == EXAMPLES


def test_names_that_a_spreadsheet_would_run_are_marked(tmp_path):
    batch = types.SimpleNamespace(
        file_names=['=1.png'], labels=[1], log_probabilities=np.log([[0.25, 0.75]])
    )
    with predictions.table(tmp_path / 'predictions.csv', ['daisy', '=A1'], 0) as write:
        write(batch)
    (row,) = csv.DictReader((tmp_path / 'predictions.csv').read_text().splitlines())
    assert (row['file_name'], row['true_class']) == ('./=1.png', "'=A1")
    assert (row['class_1'], row['class_2']) == ("'=A1", 'daisy')


def test_plots_and_events_are_written(program):
    program.save(step=7)
    program.run()
    for name in ('confusion_matrix.png', 'worst_mistakes.png'):
        with Image.open(program.eval_dir / name) as picture:
            assert picture.size[0] > 300
    [events] = program.eval_dir.glob('events.*')
    shown = {}
    for event in tf.train.summary_iterator(str(events)):
        for value in event.summary.value:
            assert event.step == 7
            shown[value.tag] = value
    assert shown['eval/Accuracy'].simple_value == pytest.approx(program.json()['accuracy'])
    assert {'eval/Recall_3', 'eval/Loss', 'eval/Calibration_error'} <= shown.keys()
    for tag in ('eval/confusion_matrix', 'eval/worst_mistakes'):
        assert shown[tag].image.width > 300
    curves = [tag for tag in shown if tag.startswith('eval/PR_curves/')]
    assert len(curves) == 3
    plugin = shown[curves[0]].metadata.plugin_data.plugin_name
    assert plugin == 'pr_curves'
    true_positives = tf.make_ndarray(shown['eval/PR_curves/0/pr_curves'].tensor)[0]
    assert true_positives[0] == program.json()['classes'][0]['count']
    table = tf.make_ndarray(shown['eval/Classes'].tensor).item().decode()
    assert '| class_1 |' in table


def test_nothing_wrong_leaves_no_sheet_of_mistakes(tmp_path):
    info = classifier_files.describe(classes=1)
    data = classifier_files.write_data(tmp_path / 'one', [0, 0], classes=1)
    program = Program(tmp_path, data)
    program.eval_dir.mkdir()
    (program.eval_dir / 'worst_mistakes.png').write_bytes(b'of an earlier checkpoint')
    program.save(info=info)
    assert program.run() == 1
    assert not (program.eval_dir / 'worst_mistakes.png').exists()
    assert program.lines[:2] == ['eval/Accuracy[1]', 'eval/Recall_1[1]']


def test_a_class_without_examples_is_null_in_json_and_a_dash_in_the_table(tmp_path):
    program = Program(tmp_path, classifier_files.write_data(tmp_path / 'gap', [0, 0, 2]))
    program.save()
    program.run()
    assert program.json()['classes'][1]['recall'] is None
    assert program.lines[5].split()[3:] == ['-', '-', '0']


def test_the_test_split_is_preferred_and_named(tmp_path, program, log_lines):
    data = classifier_files.write_data(tmp_path / 'both', [0, 1, 2, 0], split='validation')
    classifier_files.write_data(data, [0, 1], split='test', first=50)
    program.save()
    program.run(dataset_dir=str(data))
    assert program.rows()[0]['split_name'] == 'test'
    assert any('split test, as none was named' in line for line in log_lines())
    program.run(dataset_dir=str(data), dataset_split_name='validation')
    assert program.json()['examples'] == 4
    with pytest.raises(UserError, match=r"no split 'train'; it has test, validation"):
        program.run(dataset_dir=str(data), dataset_split_name='train')


def test_presentation_may_be_changed_and_is_logged(program, log_lines):
    program.save(averages=True, info=INFO.replace(moving_average_decay=0.9))
    program.run()
    with_averages = program.json()
    program.run(use_moving_averages=False)
    without = program.json()
    assert (with_averages['moving_averages'], without['moving_averages']) == (True, False)
    assert with_averages['loss'] != without['loss']
    assert 'Not using moving averages, as requested' in '\n'.join(log_lines())
    assert len(program.rows()) == 2, 'other settings are another evaluation'
    program.run()
    assert len(program.rows()) == 2, 'the same evaluation takes the place of the earlier one'


def test_a_released_file_evaluates_with_its_network_and_offset_alone(tmp_path, program):
    """A file under the reference's names, without model.json, in both formats."""
    info = classifier_files.describe(labels_offset=1)
    names = ['background', 'class_0', 'class_1', 'class_2']
    data = classifier_files.write_data(tmp_path / 'offset', [1, 2, 3, 3, 1], names=names)
    typed = {'dataset_dir': str(data), 'model_name': 'lenet', 'labels_offset': 1}
    for v1 in (False, True):
        path = program.save(info=info, described=False, step=None, name='lenet.ckpt', v1=v1)
        assert program.run(checkpoint_path=path, **typed) == 1
        assert [row['label'] for row in program.json()['classes']] == [1, 2, 3]
        assert program.json()['classes'][0]['name'] == 'class_0'
        shutil.rmtree(program.train_dir)


@pytest.mark.parametrize(
    ('classes', 'typed', 'message'),
    [
        (1001, {}, None),
        (1000, {'labels_offset': 1}, None),
        (1000, {}, r'has 1000 classes in the checkpoint and 1001 .*: pass --labels_offset=1'),
        (1001, {'labels_offset': 1}, r'has 1001 classes .* leave out --labels_offset=1'),
    ],
)
def test_imagenet_with_and_without_its_background_class(tmp_path, classes, typed, message):
    """The names are the reference's; the data set is in the older Inception tools' form."""
    data = tmp_path / 'imagenet'
    data.mkdir()
    records.write_pictures(data / 'validation-00000-of-00001', [1, 500, 1000])
    shapes = reference.facts('mobilenet_v1_025')['model_variables']
    held = {
        name: reference.weights(
            name, [*shape[:-1], classes] if name.startswith('MobilenetV1/Logits') else shape
        )
        for name, shape in shapes.items()
    }
    program = Program(tmp_path, data)
    path = checkpoint_files.write(str(tmp_path), held, name='some.ckpt')
    typed = {'model_name': 'mobilenet_v1_025', 'dataset_name': 'imagenet', **typed}
    if message:
        with pytest.raises(UserError, match=message):
            program.run(checkpoint_path=path, eval_image_size=64, **typed)
        return
    assert program.run(checkpoint_path=path, eval_image_size=64, **typed) == 1
    found = program.json()
    assert len(found['classes']) == classes
    assert found['classes'][-1]['label'] == 1000
    assert found['classes'][-1]['name'].startswith('toilet tissue')
    assert [row['true_label'] for row in program.rows('predictions.csv')] == ['1', '500', '1000']


def test_names_that_repeat_are_told_apart(tmp_path, program):
    names = ['crane', 'crane', 'bird']
    info = INFO.replace(class_names=tuple(names))
    assert reports.class_names(info) == ['crane (0)', 'crane (1)', 'bird']
    data = classifier_files.write_data(tmp_path / 'cranes', [0, 1, 2, 1], names=names)
    program.save(info=info)
    program.run(dataset_dir=str(data))
    rows = program.rows('predictions.csv')
    right = sum(row['true_class'] == row['class_1'] for row in rows)
    assert right / 4 == program.json()['accuracy']
