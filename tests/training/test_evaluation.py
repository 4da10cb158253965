"""The evaluating program: what it prints and writes, what it refuses, and how it watches."""

import csv
import json
import os
import shutil
import types

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from PIL import Image

from classifiers import checkpoints, model_info, watch
from common import files
from common.errors import UserError
from support import checkpoint_files, classifier_files, records, reference
from training import evaluation, predictions, reports
from training.evaluation_options import EvaluationOptions

EXAMPLES = 23
INFO = classifier_files.describe()


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    directory = tmp_path_factory.mktemp('data')
    return classifier_files.write_data(directory, classifier_files.labels_of(EXAMPLES))


class Program:
    """Runs evaluations of one train_dir into one eval_dir."""

    def __init__(self, directory, data):
        self.train_dir, self.eval_dir = directory / 'run', directory / 'eval'
        self.data = data
        self.lines = []
        self.on_result = {}  # What happens after so many results.
        self.results = 0

    def save(self, step=1, seed=0, info=INFO, **options):
        return classifier_files.write(self.train_dir, info, seed, step, **options)

    def run(self, **typed):
        self.results = 0
        options = {
            'checkpoint_path': str(self.train_dir),
            'eval_dir': str(self.eval_dir),
            'dataset_dir': str(self.data),
            'dataset_name': classifier_files.NAME,
            'batch_size': 10,
            **typed,
        }
        return evaluation.run(EvaluationOptions(**options), report=self.report)

    def watch(self, **typed):
        return self.run(eval_interval_secs=0, timeout_secs=0, **typed)

    def report(self, line):
        self.lines.append(line)
        if line.startswith('eval/Accuracy'):
            self.results += 1
            self.on_result.pop(self.results, lambda: None)()

    def json(self):
        # A strict reader: NaN is no JSON.
        return json.loads((self.eval_dir / 'metrics.json').read_text(), parse_constant=pytest.fail)

    def rows(self, name='metrics.csv'):
        with open(self.eval_dir / name, encoding='utf-8', newline='') as stream:
            return list(csv.DictReader(stream))

    def steps(self):
        return [int(row['step']) for row in self.rows()]


@pytest.fixture
def program(tmp_path, data):
    return Program(tmp_path, data)


@pytest.fixture
def log(caplog):
    caplog.set_level('INFO', logger='tensorflow')
    return lambda: [record.getMessage() for record in caplog.records]


def test_the_output_is_as_users_know_it(program, log):
    path = program.save(step=7)
    assert program.run() == 1
    known = [line for line in log() if line.startswith(('Restor', 'Start', 'Eval', 'Fin'))]
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


def test_the_test_split_is_preferred_and_named(tmp_path, program, log):
    data = classifier_files.write_data(tmp_path / 'both', [0, 1, 2, 0], split='validation')
    classifier_files.write_data(data, [0, 1], split='test', first=50)
    program.save()
    program.run(dataset_dir=str(data))
    assert program.rows()[0]['split_name'] == 'test'
    assert any('split test, as none was named' in line for line in log())
    program.run(dataset_dir=str(data), dataset_split_name='validation')
    assert program.json()['examples'] == 4
    with pytest.raises(UserError, match=r"no split 'train'; it has test, validation"):
        program.run(dataset_dir=str(data), dataset_split_name='train')


@pytest.mark.parametrize(
    ('typed', 'message'),
    [
        ({'model_name': 'cifarnet'}, r'--model_name=cifarnet contradicts .*model.json.* lenet'),
        ({'labels_offset': 1}, r'--labels_offset=1 contradicts .*model.json.* 0'),
        ({'dataset_dir': None}, r'^--dataset_dir is missing'),
        ({'dataset_dir': '/nowhere'}, r'^/nowhere: no such directory'),
        ({'checkpoint_path': '/nowhere/model.ckpt-1'}, r'^/nowhere/model.ckpt-1: no such'),
    ],
)
def test_what_cannot_be_meant_is_an_error_that_names_both_values(program, typed, message):
    program.save()
    with pytest.raises(UserError, match=message):
        program.run(**typed)


def test_other_class_names_are_an_error(tmp_path, program):
    data = classifier_files.write_data(tmp_path / 'other', [0, 1, 2], names=['a', 'b', 'c'])
    program.save()
    with pytest.raises(UserError, match=r"class 0 is 'a' in the data set and 'class_0' in"):
        program.run(dataset_dir=str(data))


def test_presentation_may_be_changed_and_is_logged(program, log):
    program.save(averages=True, info=INFO.replace(moving_average_decay=0.9))
    program.run()
    with_averages = program.json()
    program.run(use_moving_averages=False)
    without = program.json()
    assert (with_averages['moving_averages'], without['moving_averages']) == (True, False)
    assert with_averages['loss'] != without['loss']
    assert 'Not using moving averages, as asked for' in '\n'.join(log())
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


def test_an_eval_dir_that_cannot_be_used_is_a_clear_error(program, tmp_path):
    program.save()
    (tmp_path / 'file').write_text('in the way')
    with pytest.raises(UserError, match=r'^--eval_dir=.*file: cannot be made'):
        program.run(eval_dir=str(tmp_path / 'file'))
    program.eval_dir.mkdir()
    with files.Lock(program.eval_dir / '.evaluation.lock', 'busy'):
        with pytest.raises(UserError, match=r'^--eval_dir=.*: another evaluation writes into it'):
            program.run()
    (program.eval_dir / 'metrics.csv').write_text('a,b\n1,2\n')
    with pytest.raises(UserError, match=r'metrics\.csv: not the metrics.csv of an evaluation'):
        program.run()


def test_a_failed_pass_leaves_the_earlier_results_whole(program):
    program.save()
    program.run()
    results = [path for path in program.eval_dir.glob('[!.e]*') if path.is_file()]
    before = {path.name: path.read_bytes() for path in results}
    values = classifier_files.values(INFO)
    values['LeNet/fc4/biases'][:] = np.nan
    checkpoint_files.write(str(program.train_dir), values, step=2)
    with pytest.raises(UserError, match='no finite numbers'):
        program.run()
    assert len(before) == 5
    for name, content in before.items():
        assert (program.eval_dir / name).read_bytes() == content
    assert not list(program.eval_dir.glob('.*.part'))


def test_watching_evaluates_each_new_checkpoint_once(program, log):
    program.save(step=1)
    program.on_result = {1: lambda: program.save(step=2, seed=2), 2: lambda: program.save(step=3)}
    assert program.watch() == 3
    assert program.steps() == [1, 2, 3]
    assert log().count(f'Waiting for new checkpoint at {program.train_dir}') == 4
    assert program.watch() == 0, 'a restarted watcher knows what an earlier one has evaluated'
    program.save(step=4, seed=4)
    assert program.watch() == 1
    assert program.steps() == [1, 2, 3, 4]


def test_the_number_of_evaluations_is_limited(program):
    program.save(step=1)
    program.on_result = {n: lambda n=n: program.save(step=n + 1, seed=n) for n in (1, 2, 3)}
    assert program.watch(max_evaluations=2) == 2
    assert program.steps() == [1, 2]


def test_a_watcher_goes_on_from_damaged_deleted_and_replaced_checkpoints(program, log, monkeypatch):
    """What is deleted vanishes between the moment it is found good and that it is read."""
    program.save(step=1)

    def damage():
        checkpoint_files.truncate(program.save(step=2, seed=2) + '.data-00000-of-00001')
        program.save(step=3, seed=3)

    def restart():
        shutil.rmtree(program.train_dir)
        program.save(step=1, seed=5)

    def diverge():
        values = classifier_files.values(INFO)
        values['LeNet/fc4/biases'][:] = np.inf
        checkpoint_files.write(str(program.train_dir), values, step=8)
        program.save(step=9, seed=9)

    program.on_result = {1: damage, 2: restart, 3: diverge}
    found_by_watcher = watch.wait_for_new

    def wait_for_new(*args, **options):
        for number, found in enumerate(found_by_watcher(*args, **options)):
            if number == 1:
                for path in checkpoints.files_of(found.path):
                    os.unlink(path)
                program.save(step=4, seed=4)
            yield found

    monkeypatch.setattr(watch, 'wait_for_new', wait_for_new)
    assert program.watch() == 4
    assert program.steps() == [1, 4, 1, 9]
    skipped = [line for line in log() if line.startswith('SKIPPED')]
    assert [line.split()[1].split('-')[-1] for line in skipped] == ['2:', '3:', '8:']


def test_a_restarted_training_of_another_network_is_followed(program):
    program.save(step=1)

    def restart():
        shutil.rmtree(program.train_dir)
        program.save(step=1, info=INFO.replace(model_name='cifarnet', image_size=32, channels=3))

    program.on_result = {1: restart}
    assert program.watch() == 2
    assert program.json()['model_name'] == 'cifarnet'


def test_a_single_evaluation_takes_the_next_one_when_its_checkpoint_vanishes(program, monkeypatch):
    program.save(step=1)
    newest = program.save(step=2, seed=2)
    found_by_name = watch.find

    def find(path):
        found = found_by_name(path)
        for path in checkpoints.files_of(newest):
            os.unlink(path)
        return found

    monkeypatch.setattr(watch, 'find', find)
    assert program.run() == 1
    assert program.steps() == [1]


def test_watching_one_file_evaluates_it_once(program, log):
    path = program.save(step=1)
    assert program.run(checkpoint_path=path, eval_interval_secs=60) == 1
    assert f'{path} is one checkpoint: it is evaluated once' in log()


def test_the_best_checkpoint_is_kept_whole_and_usable(program, monkeypatch):
    losses = {}
    for seed in range(4):
        program.save(step=seed + 1, seed=seed)
        program.run(save_best=True)
        found = program.json()
        losses[seed + 1] = (-found['accuracy'], found['loss'])
    best = min(losses, key=losses.get)
    directory = program.eval_dir / 'best'
    kept = watch.newest_good(directory)
    assert kept.step == best
    assert sorted(path.name for path in directory.iterdir()) == [
        'checkpoint',
        'evaluation.json',
        f'model.ckpt-{best}.data-00000-of-00001',
        f'model.ckpt-{best}.index',
        'model.json',
    ]
    shutil.rmtree(program.train_dir)
    assert watch.find(directory).fingerprint == kept.fingerprint
    assert program.run(checkpoint_path=str(directory), model_name=None) == 1
    assert program.json()['loss'] == losses[best][1]
    assert model_info.read_beside(directory).class_names == INFO.class_names


def test_the_best_is_kept_though_the_training_removes_it_meanwhile(program, monkeypatch):
    path = program.save(step=3)

    def remove():
        for file in checkpoints.files_of(path):
            os.unlink(file)

    program.on_result = {1: remove}
    assert program.run(save_best=True) == 1
    assert watch.find(program.eval_dir / 'best').step == 3


def test_the_best_of_another_network_is_not_replaced(program, tmp_path):
    program.save()
    program.run(save_best=True)
    other = Program(tmp_path / 'other', program.data)
    other.save(info=INFO.replace(model_name='cifarnet', image_size=32, channels=3))
    with pytest.raises(
        UserError, match=r"best: keeps the best .* 'lenet'.*name another --eval_dir"
    ):
        other.run(eval_dir=str(program.eval_dir), save_best=True)
    with pytest.raises(UserError, match=r'best: keeps the best .* for examples 23, and this is 10'):
        program.run(max_num_batches=1, save_best=True)


def test_a_best_that_is_no_directory_is_a_clear_error(program):
    program.save()
    program.eval_dir.mkdir()
    (program.eval_dir / 'best').write_text('not a directory')
    with pytest.raises(UserError, match=r'eval/best: cannot be written \(File exists\)'):
        program.run(save_best=True)


def test_what_a_kill_left_is_removed_but_not_what_a_training_writes(program):
    program.save()
    best = program.eval_dir / 'best'
    best.mkdir(parents=True)
    left = [
        program.eval_dir / '.predictions.csv.0123abcd.part',
        best / '.model.ckpt-1.ab_cd123.part',
    ]
    others = [program.eval_dir / '.model.json.0123abcd.part']
    for path in (*left, *others):
        path.write_text('half')
    program.run()
    assert [path.exists() for path in (*left, *others)] == [False, False, True]


def test_a_released_file_is_kept_with_a_model_json(program):
    path = program.save(described=False, step=None, name='lenet.ckpt', v1=True)
    program.run(checkpoint_path=path, model_name='lenet', save_best=True)
    directory = program.eval_dir / 'best'
    assert model_info.read_beside(directory).model_name == 'lenet'
    assert watch.find(directory).path == str(directory / 'lenet.ckpt')


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
