"""run_train.sh and sweep_learning_rate.sh: the flags of the training."""

import pytest

from common.errors import UserError
from training.jobs import background, programs, sweep

HEAD = 'InceptionV4/Logits,InceptionV4/AuxLogits/Aux_logits'


@pytest.fixture
def weights(commands, monkeypatch):
    """Return the path of released weights, which is CHECKPOINT_PATH."""
    path = commands.home / 'weights/inception_v4.ckpt'
    path.parent.mkdir()
    path.with_name('inception_v4.ckpt.index').touch()
    monkeypatch.setenv('CHECKPOINT_PATH', str(path))
    return str(path)


@pytest.fixture
def flags_of_training(commands, monkeypatch):
    """Return a function that calls run_train.sh, and returns the flags of the training."""
    started = []
    monkeypatch.setattr(background, 'start', lambda *call, environment: started.append(call))

    def call(*typed):
        commands('run_train', *typed)
        train_dir, log, _, (nohup, *command) = started[-1]
        assert (log, nohup) == ('output.log', 'nohup')
        programs.run(command)
        recorded = commands._calls[-1]
        assert recorded.program == 'train_image_classifier.py'
        assert recorded.flags[len(recorded.flags) - len(typed) :] == list(typed)
        return recorded.values | {'train_dir': train_dir}

    return call


def test_the_flags_are_those_of_the_notes(commands, weights, flags_of_training):
    assert flags_of_training('--batch_size=8', '--save_interval_secs=5') == {
        'dataset_name': 'my_flower_5',
        'dataset_dir': f'{commands.home}/data/flower',
        'checkpoint_path': weights,
        'model_name': 'inception_v4',
        'checkpoint_exclude_scopes': HEAD,
        'trainable_scopes': HEAD,
        'train_dir': f'{commands.home}/train/my_flower_5_inception_v4',
        'learning_rate': '0.001',
        'learning_rate_decay_factor': '0.76',
        'num_epochs_per_decay': '50',
        'moving_average_decay': '0.9999',
        'optimizer': 'adam',
        'opt_epsilon': '1e-8',
        'ignore_missing_vars': 'True',
        'cache_features': '1',
        'num_epochs': '100',
        'batch_size': '8',
        'save_interval_secs': '5',
    }


@pytest.mark.parametrize(
    'typed',
    [
        '--nocache_features',
        '--trainable_scopes=InceptionV4/Mixed_7d,head',
        '--augmentation=strong',
        '--update_frozen_batch_norm',
        '--worker_hosts=a:1,b:2',
        '--optimizer=lbfgs',
    ],
)
def test_features_that_may_change_are_not_cached(weights, flags_of_training, typed, capsys):
    assert not {'cache_features', 'num_epochs'} & flags_of_training(typed).keys()
    assert 'computed once' not in capsys.readouterr().out


@pytest.mark.parametrize('end', ['--max_steps=5', '--max_number_of_steps=5', '--num_epochs=5'])
def test_an_end_of_the_run_may_be_typed(weights, flags_of_training, end, capsys):
    flags = flags_of_training(end)
    name, _, value = end.removeprefix('--').partition('=')
    assert flags['cache_features'] == '1'
    assert {flags.get('num_epochs', value), flags[name]} == {value}
    assert 'the features of each picture are computed once' in capsys.readouterr().out


def test_augmented_passes_may_be_typed(weights, flags_of_training):
    flags = flags_of_training('--cache_features=3')
    assert (flags['cache_features'], flags['num_epochs']) == ('3', '100')


def test_another_optimizer_keeps_its_own_epsilon(weights, flags_of_training):
    assert 'opt_epsilon' not in flags_of_training('--optimizer=rmsprop')


def test_exact_fit_has_no_flags_of_steps(weights, flags_of_training):
    flags = flags_of_training('--optimizer=lbfgs')
    assert flags['optimizer'] == 'lbfgs'
    assert flags['trainable_scopes'] == HEAD
    steps = {'learning_rate', 'moving_average_decay', 'opt_epsilon', 'num_epochs', 'batch_size'}
    assert not steps & flags.keys()
    assert not {'learning_rate_decay_factor', 'num_epochs_per_decay'} & flags.keys()


def test_another_network_trains_its_own_head(weights, flags_of_training):
    flags = flags_of_training('--model_name=resnet_v1_50')
    assert (flags['trainable_scopes'], flags['checkpoint_exclude_scopes']) == ('head', 'head')


def test_without_released_weights_all_layers_are_trained(flags_of_training, monkeypatch):
    monkeypatch.setenv('CHECKPOINT_PATH', '')
    about_weights = {'checkpoint_path', 'checkpoint_exclude_scopes', 'trainable_scopes'}
    assert not about_weights & flags_of_training().keys()


@pytest.mark.parametrize('typed', [(), ('--checkpoint_path=/typed/x.ckpt',)])
def test_missing_weights_are_an_error_before_anything_starts(flags_of_training, monkeypatch, typed):
    monkeypatch.setenv('CHECKPOINT_PATH', '/none/x.ckpt')
    path = typed[0].split('=')[1] if typed else '/none/x.ckpt'
    with pytest.raises(UserError, match=f'^CHECKPOINT_PATH={path}: no such checkpoint; '):
        flags_of_training(*typed)


def test_a_run_that_resumes_does_not_need_its_weights(commands, flags_of_training, monkeypatch):
    monkeypatch.setenv('CHECKPOINT_PATH', '/none/x.ckpt')
    train_dir = commands.home / 'a run'
    train_dir.mkdir()
    (train_dir / 'checkpoint').touch()
    assert flags_of_training('--train_dir=~/a run')['train_dir'] == str(train_dir)


@pytest.fixture
def swept(commands, monkeypatch):
    """Return a function that calls sweep_learning_rate.sh; it returns (rates, directory, flags)."""
    found = []

    def run(rates, directory, program, flags, environment):
        found[:] = rates, directory, flags

    monkeypatch.setattr(sweep, 'run', run)

    def call(*typed):
        commands('sweep_learning_rate', *typed)
        return found

    return call


def test_a_sweep_trains_what_env_set_names(commands, swept, weights):
    rates, directory, flags = swept('--batch_size=8')
    assert rates == [1.0, 0.1, 0.01, 0.001, 0.0001]
    assert directory == f'{commands.here}/learning_rates'
    assert flags == [
        '--dataset_name=my_flower_5',
        f'--dataset_dir={commands.home}/data/flower',
        '--model_name=inception_v4',
        '--optimizer=adam',
        '--batch_size=32',
        '--opt_epsilon=1e-8',
        f'--checkpoint_path={weights}',
        '--checkpoint_exclude_scopes=head',
        '--trainable_scopes=head',
        '--ignore_missing_vars=True',
        '--batch_size=8',
        '--max_number_of_steps=100',
        '--seed=0',
        '--log_every_n_steps=2',
    ]


def test_a_sweep_over_other_data_takes_nothing_from_env_set(commands, swept):
    typed = ['--data_dir=x', '--learning_rates', '0.5,0.1', '--num_epochs=1', '--seed=3']
    rates, directory, flags = swept(*typed, '--train_dir=~/rates')
    assert (rates, directory) == ([0.5, 0.1], f'{commands.home}/rates')
    assert flags == ['--data_dir=x', '--num_epochs=1', '--seed=3', '--log_every_n_steps=2']


@pytest.mark.parametrize(
    ('flags', 'words'),
    [
        (['--initial_learning_rate=1'], 'a sweep has several rates'),
        (['--learning_rates=slow'], "'slow' must be a number above 0"),
        (['--learning_rates'], '--learning_rates needs a value'),
    ],
)
def test_a_sweeps_mistakes_are_errors(commands, flags, words):
    with pytest.raises(UserError, match=words):
        commands('sweep_learning_rate', '--data_dir=x', *flags)
