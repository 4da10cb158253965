"""The flags of eval_image_classifier.py: TF-Slim's, its forks', and those of the older tools."""

import subprocess
import sys

import pytest
from absl import flags as absl_flags

from common import cli, options
from common.errors import UserError
from support.checkout import ROOT
from training.evaluation.evaluation_options import EvaluationOptions

REFERENCE = ROOT.parent / 'shared' / 'reference' / 'flags.md'

# Type and default by flag, as the last TF-Slim has them (and eval_interval_secs of its fork).
SLIM_FLAGS = {
    'batch_size': ('int', 100),
    'max_num_batches': ('int', None),
    'master': ('string', ''),
    'checkpoint_path': ('string', '/tmp/tfmodel/'),
    'eval_dir': ('string', '/tmp/tfmodel/'),
    'num_preprocessing_threads': ('int', 4),
    'dataset_name': ('string', 'imagenet'),
    'dataset_split_name': ('string', 'test'),
    'dataset_dir': ('string', None),
    'labels_offset': ('int', 0),
    'model_name': ('string', 'inception_v3'),
    'preprocessing_name': ('string', None),
    'moving_average_decay': ('float', None),
    'eval_image_size': ('int', None),
    'quantize': ('bool', False),
    'use_grayscale': ('bool', False),
    'eval_interval_secs': ('int', None),
}
# Typed as an older tool's scripts have it -> the option that it means.
OLDER = [
    ('--checkpoint_dir=/m', {'checkpoint_path': '/m'}),
    ('--data_dir=/data/tfrecord', {'dataset_dir': '/data/tfrecord'}),
    ('--subset=validation', {'dataset_split_name': 'validation'}),
    ('--image_size=128', {'eval_image_size': 128}),
    ('--num_preprocess_threads=8', {'num_preprocessing_threads': 8}),
]


def flag_values_of_the_program():
    flag_values = absl_flags.FlagValues()
    declared = options.flags(EvaluationOptions) + options.older_flags(EvaluationOptions)
    cli.define(declared, flag_values)
    return flag_values


def options_of(*arguments):
    return cli.read(EvaluationOptions, arguments)


@pytest.mark.parametrize(('name', 'expected'), SLIM_FLAGS.items())
def test_a_flag_of_tf_slim_keeps_its_type_and_default(name, expected):
    flag = flag_values_of_the_program()[name]
    assert (flag.flag_type(), flag.default) == expected


def test_every_flag_of_the_reference_is_understood():
    if not REFERENCE.exists():
        pytest.skip('the reference is not beside the checkout')
    programs = ('eval_image_classifier', 'inception_eval', 'image_processing', 'inception/dataset')
    known, wanted = set(flag_values_of_the_program()), set()
    for section in REFERENCE.read_text(encoding='utf-8').split('\n## ')[1:]:
        if any(program in section.splitlines()[0] for program in programs):
            rows = [line for line in section.splitlines() if line.startswith('| `')]
            wanted |= {row.split('`')[1] for row in rows}
    assert len(wanted) > 25
    assert sorted(wanted - known) == []


@pytest.mark.parametrize(('typed', 'meant'), OLDER)
def test_an_older_flag_is_an_alias_and_says_so(typed, meant):
    read = options_of(typed)
    assert read == EvaluationOptions(**meant, notices=read.notices)
    [(name, value)] = meant.items()
    assert read.notices == (f'{typed.split("=")[0]} is understood as --{name}={value}',)


def test_the_korean_notes_commands_as_typed():
    typed = (
        '--eval_dir=eval',
        '--data_dir=food/tfrecord',
        '--subset=validation',
        '--num_examples=6',
        '--batch_size=6',
        '--checkpoint_dir=models/food',
        '--input_queue_memory_factor=1',
    )
    once = options_of(*typed, '--run_once')
    assert (once.interval_secs, once.num_examples, once.batch_size) == (None, 6, 6)
    assert once.dataset_name is None, 'the default imagenet must not stand for own pictures'
    assert once.checkpoint_path == 'models/food'
    assert options_of(*typed, '--eval_interval_secs=300').interval_secs == 300


def test_the_chinese_notes_command_as_typed():
    read = options_of(
        '--dataset_name=my_flower_5',
        '--dataset_dir=/data/flower',
        '--dataset_split_name=validation',
        '--model_name=inception_v4',
        '--checkpoint_path=/tmp/my_train',
        '--eval_dir=/tmp/eval/validation',
        '--eval_interval_secs=60',
        '--batch_size=32',
    )
    assert read.notices == ()
    assert read.interval_secs == 60
    assert read.model_name == 'inception_v4'


@pytest.mark.parametrize(
    ('arguments', 'interval', 'notices'),
    [
        ([], None, 0),
        (['--eval_interval_secs=0'], 0, 0),
        (['--run_once', '--eval_interval_secs=5'], None, 1),
        (['--norun_once'], 300, 1),
        (['--norun_once', '--eval_interval_secs=5'], 5, 0),
        (['--timeout_secs=5'], None, 1),
        (['--max_evaluations=5', '--timeout_secs=1', '--eval_interval_secs=5'], 5, 0),
        (['--num_readers=2'], None, 1),
        (['--quantize=False'], None, 0),
    ],
)
def test_when_it_watches_and_what_has_no_effect(arguments, interval, notices):
    read = options_of(*arguments)
    assert read.interval_secs == interval
    assert len(read.notices) == notices


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--quantize'], '--quantize=True: networks trained for quantization are not part'),
        (['--batch_size=0'], '--batch_size=0: must be at least 1'),
        (['--max_evaluations=0'], '--max_evaluations=0: must be at least 1'),
        (['--data_dir=/a', '--dataset_dir=/b'], '--dataset_dir=/b and --data_dir=/a contradict'),
        (['--evalinterval_secs=3'], "Unknown command line flag 'evalinterval_secs'"),
    ],
)
def test_a_wrong_command_line_is_one_clear_line(arguments, message):
    with pytest.raises(UserError) as caught:
        options_of(*arguments)
    assert str(caught.value).startswith(message)


def test_a_typed_default_differs_from_one_that_is_not_given():
    assert options_of().model_name is options_of().dataset_split_name is None
    assert options_of('--model_name=inception_v3').model_name == 'inception_v3'
    assert options_of('--nouse_moving_averages').use_moving_averages is False


def test_a_mistake_is_one_line_and_status_1():
    result = subprocess.run(
        [sys.executable, 'eval_image_classifier.py', '--batch_size=0'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr == 'error: --batch_size=0: must be at least 1\n'
