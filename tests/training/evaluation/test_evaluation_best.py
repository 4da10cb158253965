"""The best checkpoint: which it is, and that it is kept whole and usable."""

import os
import shutil

import pytest

from classifiers import checkpoints, model_info, watch
from common.errors import UserError
from support.evaluations import INFO, Program


def test_the_best_checkpoint_is_kept_whole_and_usable(program):
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
    assert watch.find_checkpoint(directory).fingerprint == kept.fingerprint
    assert program.run(checkpoint_path=str(directory), model_name=None) == 1
    assert program.json()['loss'] == losses[best][1]
    assert model_info.read_beside(directory).class_names == INFO.class_names


def test_the_best_is_kept_though_the_training_removes_it_meanwhile(program):
    path = program.save(step=3)

    def remove():
        for file in checkpoints.files_of(path):
            os.unlink(file)

    program.on_result = {1: remove}
    assert program.run(save_best=True) == 1
    assert watch.find_checkpoint(program.eval_dir / 'best').step == 3


def test_the_best_of_another_network_is_not_replaced(program, tmp_path):
    program.save()
    program.run(save_best=True)
    other = Program(tmp_path / 'other', program.data)
    other.save(info=INFO.replace(model_name='cifarnet', image_size=32, channels=3))
    with pytest.raises(
        UserError, match=r"best: keeps the best .* 'lenet'.*pass another --eval_dir"
    ):
        other.run(eval_dir=str(program.eval_dir), save_best=True)
    with pytest.raises(UserError, match=r'best: keeps the best .* for examples 23, not 10'):
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
    assert watch.find_checkpoint(directory).path == str(directory / 'lenet.ckpt')
