"""Every option is checked by itself; the message names the flag, the value and what is valid."""

import dataclasses

import pytest

from common.errors import UserError
from common.options import flags
from training.options import TrainOptions


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'batch_size': 0}, '--batch_size=0: must be at least 1'),
        ({'learning_rate': -0.5}, '--learning_rate=-0.5: must be at least 0'),
        ({'learning_rate': float('nan')}, '--learning_rate=nan: must be a finite number'),
        ({'label_smoothing': 1.0}, '--label_smoothing=1.0: must be at least 0 and below 1'),
        ({'num_epochs_per_decay': 0.0}, '--num_epochs_per_decay=0.0: must be above 0'),
        ({'ftrl_learning_rate_power': 0.5}, '--ftrl_learning_rate_power=0.5: must be at most 0'),
        ({'seed': -1}, '--seed=-1: must be at least 0 and at most 2147483647'),
        ({'num_clones': 0}, '--num_clones=0: must be at least 1'),
        ({'replicas_to_aggregate': 0}, '--replicas_to_aggregate=0: must be at least 1'),
        (
            {'optimizer': 'adm'},
            "--optimizer=adm: unknown optimizer 'adm'; known, nearest first: adam, adamw",
        ),
        (
            {'learning_rate_decay_type': 'cosin'},
            "--learning_rate_decay_type=cosin: unknown learning rate decay type 'cosin'; "
            'known, nearest first: cosine',
        ),
        ({'early_stopping_patience': 3}, '--early_stopping_patience=3: there is nothing to watch'),
        ({'learning_rate_decay_type': 'cosine'}, 'pass --num_epochs or --max_number_of_steps'),
        (
            {'learning_rate_decay_type': 'cosine', 'num_epochs': 1.0, 'learning_rate': 1e-5},
            '--end_learning_rate=0.0001: must be at most --learning_rate=1e-05',
        ),
    ],
)
def test_a_value_out_of_range_is_one_line(values, message):
    with pytest.raises(UserError) as caught:
        TrainOptions(**values)
    assert str(caught.value).startswith(message) or message in str(caught.value)
    assert '\n' not in str(caught.value)


def test_every_default_is_valid_and_options_are_frozen():
    options = TrainOptions()
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.batch_size = 1


def test_an_empty_text_means_nothing_given():
    assert TrainOptions(checkpoint_path='', optimizer='sgd').checkpoint_path is None
    assert TrainOptions(dataset_split_name='').dataset_split_name == ''


def test_a_default_of_last_resort_is_kept_beside_the_option():
    assert TrainOptions().model_name is None
    assert TrainOptions().or_default('model_name') == 'inception_v3'
    assert TrainOptions(model_name='lenet').or_default('model_name') == 'lenet'
    assert TrainOptions(use_grayscale=True).or_default('use_grayscale') is True
    assert TrainOptions().or_default('checkpoint_path') is None


@pytest.mark.parametrize('flag', flags(TrainOptions), ids=lambda flag: flag.name)
def test_every_flag_has_a_group_help_and_a_range(flag):
    assert flag.group
    assert flag.help.endswith('.')
    if flag.shown is not None:
        assert flag.default is None
    if flag.kind in ('integer', 'float'):
        assert flag.check is not None
