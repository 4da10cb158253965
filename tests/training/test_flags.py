"""The flags of train_image_classifier.py: TF-Slim's, its forks', and those of the older tools."""

import dataclasses
import re

import pytest
from absl import flags as absl_flags

from common import cli, options
from common.errors import UserError
from support.checkout import ROOT
from training.evaluation.evaluation_options import EvaluationOptions
from training.options import TrainOptions

REFERENCE = ROOT.parent / 'shared' / 'reference' / 'flags.md'

# Type and default by flag, as the last TF-Slim has them (and gpu_allow_growth of its fork).
SLIM_FLAGS = {
    'string': {
        'master': '',
        'train_dir': '/tmp/tfmodel/',
        'optimizer': 'rmsprop',
        'learning_rate_decay_type': 'exponential',
        'dataset_name': 'imagenet',
        'dataset_split_name': 'train',
        'dataset_dir': None,
        'model_name': 'inception_v3',
        'preprocessing_name': None,
        'checkpoint_path': None,
        'checkpoint_exclude_scopes': None,
        'trainable_scopes': None,
    },
    'int': {
        'num_clones': 1,
        'worker_replicas': 1,
        'num_ps_tasks': 0,
        'num_readers': 4,
        'num_preprocessing_threads': 4,
        'log_every_n_steps': 10,
        'save_summaries_secs': 600,
        'save_interval_secs': 600,
        'task': 0,
        'quantize_delay': -1,
        'replicas_to_aggregate': 1,
        'labels_offset': 0,
        'batch_size': 32,
        'train_image_size': None,
        'max_number_of_steps': None,
    },
    'float': {
        'warmup_epochs': 0,
        'weight_decay': 4e-05,
        'adadelta_rho': 0.95,
        'adagrad_initial_accumulator_value': 0.1,
        'adam_beta1': 0.9,
        'adam_beta2': 0.999,
        'opt_epsilon': 1.0,
        'ftrl_learning_rate_power': -0.5,
        'ftrl_initial_accumulator_value': 0.1,
        'ftrl_l1': 0.0,
        'ftrl_l2': 0.0,
        'momentum': 0.9,
        'rmsprop_momentum': 0.9,
        'rmsprop_decay': 0.9,
        'learning_rate': 0.01,
        'end_learning_rate': 0.0001,
        'label_smoothing': 0.0,
        'learning_rate_decay_factor': 0.94,
        'num_epochs_per_decay': 2.0,
        'moving_average_decay': None,
    },
    'bool': {
        'clone_on_cpu': False,
        'sync_replicas': False,
        'use_grayscale': False,
        'ignore_missing_vars': False,
        'gpu_allow_growth': False,
    },
}
# Typed as an older tool's scripts have it -> the options that it means.
OLDER = [
    ('--data_dir=/data/tfrecord', {'dataset_dir': '/data/tfrecord'}),
    ('--subset=validation', {'dataset_split_name': 'validation'}),
    ('--image_size=128', {'train_image_size': 128}),
    ('--pretrained_model_checkpoint_path=/m/model.ckpt-1', {'checkpoint_path': '/m/model.ckpt-1'}),
    ('--initial_learning_rate=0.1', {'learning_rate': 0.1}),
    ('--max_steps=10000000', {'max_number_of_steps': 10000000}),
    ('--num_gpus=2', {'num_clones': 2}),
    ('--num_preprocess_threads=8', {'num_preprocessing_threads': 8}),
    ('--task_id=1', {'task': 1}),
    ('--num_replicas_to_aggregate=-1', {'replicas_to_aggregate': -1}),
]


def flag_values_of(options_class):
    flag_values = absl_flags.FlagValues()
    cli.define(options.flags(options_class) + options.older_flags(options_class), flag_values)
    return flag_values


def options_of(*arguments):
    return cli.read(TrainOptions, arguments)


@pytest.mark.parametrize(
    ('kind', 'name', 'default'),
    [(kind, name, default) for kind, row in SLIM_FLAGS.items() for name, default in row.items()],
)
def test_a_flag_of_tf_slim_keeps_its_type_and_default(kind, name, default):
    flag = flag_values_of(TrainOptions)[name]
    assert (flag.flag_type(), flag.default) == (kind, default)


def test_every_flag_of_the_reference_is_understood():
    if not REFERENCE.exists():
        pytest.skip('the reference is not beside the checkout')
    programs = ('train_image_classifier', 'inception_train', 'distributed', 'processing', 'dataset')
    known, wanted = set(flag_values_of(TrainOptions)), set()
    for section in REFERENCE.read_text(encoding='utf-8').split('\n## ')[1:]:
        if any(f'{program}.py' in section.splitlines()[0] for program in programs):
            rows = [line for line in section.splitlines() if line.startswith('| `')]
            wanted |= {row.split('`')[1] for row in rows}
    assert len(wanted) > 60
    assert sorted(wanted - known) == []


@pytest.mark.parametrize(('typed', 'meant'), OLDER)
def test_an_older_flag_is_an_alias_and_says_so(typed, meant):
    read = options_of(typed)
    expected = options.build(TrainOptions, meant)
    assert read == dataclasses.replace(expected, notices=read.notices)
    [(name, value)] = meant.items()
    assert read.notices[0] == f'{typed.split("=")[0]} is understood as --{name}={value}'


def test_an_older_default_never_applies():
    flag_values = flag_values_of(TrainOptions)
    older = [name for flag in options.flags(TrainOptions) for name in flag.older]
    assert len(older) == len(OLDER)
    assert {flag_values[name].default for name in older} == {None}
    assert options_of() == TrainOptions()


def test_an_alias_and_its_option_may_agree_but_not_differ():
    assert options_of('--max_steps=3', '--max_number_of_steps=3').max_number_of_steps == 3
    with pytest.raises(UserError, match=r'^--dataset_dir=/b and --data_dir=/a contradict'):
        options_of('--data_dir=/a', '--dataset_dir=/b')


@pytest.mark.parametrize('options_class', [TrainOptions, EvaluationOptions])
def test_every_path_may_begin_in_the_home_directory(options_class, monkeypatch):
    monkeypatch.setenv('HOME', '/home/kim')
    paths = [name for name in flag_values_of(options_class) if re.search('_(dir|path)$', name)]
    assert {'dataset_dir', 'data_dir', 'checkpoint_path'} < set(paths)
    read = cli.read(options_class, [f'--{name}=~/here/~' for name in paths]).by_flag()
    # A flag that may be given several times has a tuple.
    assert {*map(str, (read[name] for name in paths if name in read))} <= {
        '/home/kim/here/~',
        "('/home/kim/here/~',)",
    }


def test_the_korean_notes_command_as_typed():
    read = options_of(
        '--train_dir=models/food',
        '--data_dir=food/tfrecord',
        '--pretrained_model_checkpoint_path=inception-v3/model.ckpt-157585',
        '--fine_tune=True',
        '--initial_learning_rate=0.01',
        '--batch_size=24',
    )
    assert read.dataset_name is None, 'the default imagenet must not stand for own pictures'
    assert read.fine_tune
    assert (read.dataset_dir, read.batch_size) == ('food/tfrecord', 24)
    assert read.checkpoint_path == 'inception-v3/model.ckpt-157585'
    assert read.trainable_scopes is None


def test_the_chinese_notes_command_as_typed():
    scopes = 'InceptionV4/Logits,InceptionV4/AuxLogits/Aux_logits'
    read = options_of(
        '--dataset_name=my_flower_5',
        '--dataset_dir=/data/flower',
        '--checkpoint_path=/models/inception_v4.ckpt',
        '--model_name=inception_v4',
        f'--checkpoint_exclude_scopes={scopes}',
        f'--trainable_scopes={scopes}',
        '--train_dir=/tmp/my_train',
        '--learning_rate=0.001',
        '--learning_rate_decay_factor=0.76',
        '--num_epochs_per_decay=50',
        '--moving_average_decay=0.9999',
        '--optimizer=adam',
        '--ignore_missing_vars=True',
        '--batch_size=32',
    )
    assert read.model_name == 'inception_v4'
    assert read.checkpoint_exclude_scopes == read.trainable_scopes == scopes
    assert read.ignore_missing_vars
    assert read.notices == ()


@pytest.mark.parametrize(
    ('flag', 'option', 'value'),
    [
        ('--model_name=inception_v3', 'model_name', 'inception_v3'),
        ('--dataset_name=imagenet', 'dataset_name', 'imagenet'),
        ('--labels_offset=0', 'labels_offset', 0),
        ('--nouse_grayscale', 'use_grayscale', False),
        ('--nogpu_allow_growth', 'gpu_allow_growth', False),
        ('--task=0', 'task', 0),
    ],
)
def test_a_given_default_differs_from_one_that_is_not_given(flag, option, value):
    assert options_of().by_flag()[option] is None
    assert options_of(flag).by_flag()[option] == value


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--quantize_delay=100'], '--quantize_delay=100: training for quantization is not part'),
        (['--protocol=grpc+verbs'], '--protocol=grpc+verbs: TensorFlow has only grpc today'),
        (['--batch_sise=3'], "Unknown command line flag 'batch_sise'. Did you mean: batch_size"),
        (['--batch_size=many'], '--batch_size=many: must be a whole number'),
        (['--fine_tune', 'False'], "unexpected argument 'False': every option is --name=value"),
        (['--batch_size=0'], '--batch_size=0: must be at least 1'),
    ],
)
def test_a_wrong_command_line_is_one_clear_line(arguments, message):
    with pytest.raises(UserError) as caught:
        options_of(*arguments)
    assert str(caught.value).startswith(message)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('arguments', 'notices'),
    [
        (['--quantize_delay=-1', '--protocol=grpc'], 0),
        (['--input_queue_memory_factor=1'], 1),
        (['--fine_tune'], 1),
        (['--fine_tune', '--checkpoint_path=/m'], 0),
        (['--momentum=0.5'], 1),
        (['--momentum=0.5', '--optimizer=momentum'], 0),
        (['--replicas_to_aggregate=2'], 1),
        (['--replicas_to_aggregate=2', '--sync_replicas'], 0),
        (['--sync_replicas'], 1),
    ],
)
def test_what_has_no_effect_is_said_once(arguments, notices):
    assert len(options_of(*arguments).notices) == notices
