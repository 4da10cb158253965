"""What --optimizer=lbfgs refuses, and what it only mentions."""

import dataclasses

import pytest

from common import cli
from common.errors import UserError
from deployment.cluster_options import ClusterOptions
from training.head_only import exact_options
from training.head_only.cache_options import CacheOptions
from training.options import OPTIMIZER, RATE, TrainOptions


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        (
            {'learning_rate': 0.1},
            '--learning_rate=0.1: --optimizer=lbfgs has no steps that this could change; '
            'leave it out',
        ),
        ({'warmup_epochs': 1.0}, '--warmup_epochs=1.0: --optimizer=lbfgs has no steps that this'),
        ({'adam_beta1': 0.5}, '--adam_beta1=0.5: --optimizer=lbfgs has no steps that this'),
        ({'opt_epsilon': 1e-8}, '--opt_epsilon=1e-08: --optimizer=lbfgs has no steps that this'),
        ({'label_smoothing': 0.1}, '--label_smoothing=0.1: --optimizer=lbfgs fits the labels as'),
        (
            {'moving_average_decay': 0.9},
            '--moving_average_decay=0.9: --optimizer=lbfgs has no steps to average; leave it out',
        ),
        ({'num_clones': 2}, '--num_clones=2: --optimizer=lbfgs works with one clone'),
        (
            {'cluster': ClusterOptions(worker_hosts='a:1', ps_hosts='b:1')},
            '--optimizer=lbfgs: works only in a single process',
        ),
        (
            {'cache': CacheOptions(cache_features=3)},
            '--cache_features=3: --optimizer=lbfgs fits to one pass',
        ),
    ],
)
def test_contradictions_are_refused(values, message):
    with pytest.raises(UserError) as caught:
        TrainOptions(optimizer='lbfgs', **values)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    'flag', ['--learning_rate=0.01', '--label_smoothing=0', '--rmsprop_decay=0.9']
)
def test_a_flag_without_meaning_is_refused_even_with_its_default(flag):
    name = flag.partition('=')[0]
    with pytest.raises(UserError, match=f'{name}=.*--optimizer=lbfgs .*; leave it out'):
        cli.read(TrainOptions, ['--optimizer=lbfgs', flag])


def test_every_option_of_learning_rates_and_optimizers_is_refused():
    refused = {
        field.name
        for field in dataclasses.fields(TrainOptions)
        if field.metadata.get('option', {}).get('group') in (RATE, OPTIMIZER)
    }
    assert set(exact_options._OF_STEPS) == refused - {'optimizer', 'mixed_precision'}


def test_command_for_another_optimizer_works_with_a_remark():
    options = cli.read(
        TrainOptions,
        [
            '--optimizer=lbfgs', '--max_number_of_steps=11028', '--batch_size=32',
            '--weight_decay=0.00004', '--trainable_scopes=head', '--cache_features',
            '--sync_replicas', '--replicas_to_aggregate=-1',
        ],
    )  # fmt: skip
    assert options.notices == (
        '--optimizer=lbfgs is one fit without steps; not used: --max_number_of_steps, '
        '--batch_size, --weight_decay, --sync_replicas, --replicas_to_aggregate',
    )


def test_all_layers_may_be_trainable():
    assert TrainOptions(optimizer='lbfgs', cache=CacheOptions(cache_features=1))
