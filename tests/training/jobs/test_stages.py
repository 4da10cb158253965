"""Of the two stages of finetune.sh the more accurate one is used."""

import fcntl
import json
import os

import pytest

from training.jobs import stages


@pytest.fixture
def train_dir(tmp_path):
    """Return a train_dir with a checkpoint in each stage."""
    train_dir = tmp_path / 'a run'
    for stage in (train_dir, train_dir / 'all'):
        (stage / 'eval').mkdir(parents=True)
        (stage / 'checkpoint').write_text('model_checkpoint_path: "model.ckpt-7"\n')
    return train_dir


def evaluated(stage, accuracy, at='2026-11-29-00:00:00', into=None, **changed):
    record = {
        'checkpoint': f'{stage}/model.ckpt-7',
        'step': 7,
        'finished_at': at,
        'split_name': 'validation',
        'accuracy': accuracy,
        'loss': 1.0,
        **changed,
    }
    path = (into or stage / 'eval') / 'metrics.json'
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record))


def choose(train_dir, **options):
    """Return (name of the stage's directory below the test's, why)."""
    stage, why = stages.choose(str(train_dir), str(train_dir / 'eval'), **options)
    return os.path.relpath(stage, train_dir.parent), why


@pytest.mark.parametrize(
    ('head', 'whole', 'chosen'),
    [(0.5, 0.75, 'a run/all'), (0.75, 0.5, 'a run'), (0.5, 0.5, 'a run/all')],
)
def test_the_better_accuracy_wins_and_both_are_named(train_dir, head, whole, chosen):
    evaluated(train_dir, head)
    evaluated(train_dir / 'all', whole)
    stage, why = choose(train_dir)
    assert stage == chosen
    assert why.startswith(f'using {train_dir.parent / chosen}: ')
    for accuracy in (head, whole):
        assert f'validation accuracy {accuracy:.2%} at step 7' in why


def test_a_smaller_loss_decides_between_equal_accuracies(train_dir):
    evaluated(train_dir, 0.5, loss=0.25)
    evaluated(train_dir / 'all', 0.5)
    assert choose(train_dir)[0] == 'a run'


def test_a_stage_without_an_evaluation_loses_and_is_named(train_dir):
    evaluated(train_dir, 0.5)
    stage, why = choose(train_dir)
    assert stage == 'a run'
    assert why.endswith(f'({train_dir}/all: not evaluated)')


def test_without_any_evaluation_the_later_stage_is_used(train_dir):
    stage, why = choose(train_dir)
    assert stage == 'a run/all'
    assert why.endswith(f'neither it nor {train_dir} has been evaluated')


def test_a_run_without_stages_is_used_in_silence(train_dir):
    (train_dir / 'all/checkpoint').unlink()
    assert choose(train_dir) == ('a run', None)


def test_validations_during_the_training_count_where_there_is_no_evaluation(train_dir):
    rows = [{'step': step, 'accuracy': step / 10, 'loss': 1.0} for step in (5, 9)]
    (train_dir / 'all/validations.json').write_text(json.dumps(rows))
    evaluated(train_dir, 0.8)
    stage, why = choose(train_dir)
    assert stage == 'a run/all'
    assert 'validation accuracy 90.00% at step 9' in why


def test_results_belong_to_the_stage_whose_checkpoint_they_name(train_dir, tmp_path):
    """run_eval.sh --checkpoint_path=TRAIN_DIR/all writes into TRAIN_DIR/eval."""
    evaluated(train_dir / 'all', 0.5, into=train_dir / 'eval')
    assert choose(train_dir)[1].endswith(f'({train_dir}: not evaluated)')
    evaluated(train_dir, 0.75, into=tmp_path / 'elsewhere')
    stage, _ = stages.choose(str(train_dir), str(tmp_path / 'elsewhere'))
    assert stage == str(train_dir)


def test_the_newest_evaluation_of_a_stage_counts(train_dir, tmp_path):
    evaluated(train_dir, 0.5)
    evaluated(train_dir / 'all', 0.25, at='2026-11-28-00:00:00')
    evaluated(train_dir / 'all', 0.75, at='2026-11-29-00:00:00', into=tmp_path / 'elsewhere')
    stage, _ = stages.choose(str(train_dir), str(tmp_path / 'elsewhere'))
    assert stage == str(train_dir / 'all')


@pytest.mark.parametrize('text', ['{', '[]', '{"accuracy": 1.0}'])
def test_results_that_cannot_be_read_do_not_count(train_dir, text):
    evaluated(train_dir, 0.5)
    (train_dir / 'all/eval/metrics.json').write_text(text)
    assert choose(train_dir)[0] == 'a run'


def test_accuracy_on_training_pictures_does_not_count(train_dir):
    evaluated(train_dir, 0.5)
    evaluated(train_dir / 'all', 1.0, split_name='train')
    assert choose(train_dir)[0] == 'a run'


@pytest.mark.parametrize('running', ['.', 'all'])
def test_a_stage_in_training_is_watched(train_dir, running):
    evaluated(train_dir, 0.5)
    evaluated(train_dir / 'all', 0.75 if running == '.' else 0.25)
    with open(train_dir / running / 'train.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f'{os.getpid()}\n')
        lock.flush()
        stage, why = choose(train_dir, prefer_running=True)
        assert choose(train_dir)[0] != stage
    assert stage == os.path.normpath(f'a run/{running}')
    assert why.endswith(': it is in training')


def keep_best(train_dir, accuracy):
    """Write what a training leaves of its best checkpoint, which was at step 3."""
    best = train_dir / 'all/best'
    best.mkdir()
    (best / 'checkpoint').write_text('model_checkpoint_path: "model.ckpt-3"\n')
    chosen_by = {
        'checkpoint': f'{train_dir}/all/model.ckpt-3',
        'step': 3,
        'finished_at': '2026-11-29-00:00:00',
        'split_name': 'validation',
        'accuracy': accuracy,
        'loss': 1.0,
    }
    (best / 'evaluation.json').write_text(json.dumps(chosen_by))


def test_the_best_checkpoint_of_all_layers_is_used_instead_of_the_last(train_dir):
    keep_best(train_dir, 0.875)
    (train_dir / 'all/validations.json').write_text('[{"step": 7, "accuracy": 0.5, "loss": 1.0}]')
    evaluated(train_dir, 0.75)
    stage, why = choose(train_dir)
    assert stage == 'a run/all/best'
    assert 'a run/all/best: validation accuracy 87.50% at step 3 (' in why
    assert f'{train_dir}: validation accuracy 75.00% at step 7' in why
    assert f'{train_dir}/all: validation accuracy 50.00% at step 7' in why


def test_the_head_is_used_if_it_is_better_than_the_best_of_all_layers(train_dir):
    keep_best(train_dir, 0.5)
    evaluated(train_dir, 0.75)
    assert choose(train_dir)[0] == 'a run'


def test_an_evaluation_of_the_best_checkpoint_counts_more_than_what_chose_it(train_dir):
    keep_best(train_dir, 0.5)
    evaluated(train_dir, 0.75)
    evaluated(train_dir / 'all/best', 1.0, into=train_dir / 'all/eval')
    assert choose(train_dir)[0] == 'a run/all/best'


def test_a_later_checkpoint_that_is_better_is_used(train_dir):
    keep_best(train_dir, 0.5)
    evaluated(train_dir, 0.25)
    evaluated(train_dir / 'all', 0.75)
    assert choose(train_dir)[0] == 'a run/all'


@pytest.mark.parametrize(
    ('stage', 'place'),
    [('run', 'run/eval'), ('run/all', 'run/all/eval'), ('run/all/best', 'run/all/eval'),
     ('run/best', 'run/best/eval')],
)  # fmt: skip
def test_the_best_checkpoint_is_evaluated_beside_its_training(stage, place):
    assert stages.eval_dir_of(stage) == place
