"""How the evaluating program watches a train_dir in which checkpoints come and go."""

import os
import shutil

import numpy as np

from classifiers import checkpoints, watch
from support.evaluations import INFO
from support.files import checkpoint_files, classifier_files


def test_watching_evaluates_each_new_checkpoint_once(program, log_lines):
    program.save(step=1)
    program.on_result = {1: lambda: program.save(step=2, seed=2), 2: lambda: program.save(step=3)}
    assert program.watch() == 3
    assert program.steps() == [1, 2, 3]
    assert log_lines().count(f'Waiting for new checkpoint at {program.train_dir}') == 4
    assert program.watch() == 0, 'a restarted watcher knows what an earlier one has evaluated'
    program.save(step=4, seed=4)
    assert program.watch() == 1
    assert program.steps() == [1, 2, 3, 4]


def test_a_directory_that_does_not_exist_is_named_while_it_is_waited_for(program, log_lines):
    shutil.rmtree(program.train_dir, ignore_errors=True)
    assert program.watch() == 0
    missing = f'{program.train_dir} does not exist yet; waiting for a training to create it'
    assert log_lines().count(missing) == 1
    program.train_dir.mkdir()
    assert program.watch() == 0
    empty = f'{program.train_dir} has no checkpoint yet; waiting for the first one'
    assert log_lines().count(empty) == 1
    program.save(step=1)
    assert program.watch() == 1
    assert log_lines().count(missing) == log_lines().count(empty) == 1


def test_the_number_of_evaluations_is_limited(program):
    program.save(step=1)
    program.on_result = {n: lambda n=n: program.save(step=n + 1, seed=n) for n in (1, 2, 3)}
    assert program.watch(max_evaluations=2) == 2
    assert program.steps() == [1, 2]


def test_a_watcher_goes_on_from_damaged_deleted_and_replaced_checkpoints(
    program, log_lines, monkeypatch
):
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
    skipped = [line for line in log_lines() if line.startswith('SKIPPED')]
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
    found_by_name = watch.find_checkpoint

    def find(path):
        found = found_by_name(path)
        for path in checkpoints.files_of(newest):
            os.unlink(path)
        return found

    monkeypatch.setattr(watch, 'find_checkpoint', find)
    assert program.run() == 1
    assert program.steps() == [1]


def test_watching_one_file_evaluates_it_once(program, log_lines):
    path = program.save(step=1)
    assert program.run(checkpoint_path=path, eval_interval_secs=60) == 1
    assert f'{path} is a single model; it is evaluated once' in log_lines()
