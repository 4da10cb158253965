"""What --cache_features cannot do is refused before TensorFlow loads."""

import pytest

from common import cli
from common.errors import UserError
from training.options import TrainOptions

HEAD = '--trainable_scopes=head'


def read(*arguments):
    return cli.read(TrainOptions, arguments)


@pytest.mark.parametrize(
    ('arguments', 'fault'),
    [
        ([], 'without --trainable_scopes all layers are trained'),
        ([HEAD, '--update_frozen_batch_norm'], '--update_frozen_batch_norm computes the features'),
        ([HEAD, '--worker_hosts=a:1', '--job_name=worker'], 'works only in a single process'),
        (
            ['--model_name=inception_v4', '--trainable_scopes=InceptionV4/Mixed_7d,head'],
            "--trainable_scopes trains InceptionV4/Mixed_7d, outside the network's head "
            '(InceptionV4/Logits, InceptionV4/AuxLogits)',
        ),
        (
            ['--model_name=inception_v4', '--trainable_scopes=InceptionV4'],
            '--trainable_scopes trains',
        ),
    ],
)
def test_features_that_would_change_are_refused(arguments, fault):
    with pytest.raises(UserError) as caught:
        read('--cache_features=2', *arguments)
    assert str(caught.value).startswith(f'--cache_features=2: {fault}')
    assert read('--nocache_features', *arguments).cache.passes == 0


@pytest.mark.parametrize(
    'arguments',
    [
        ['--model_name=inception_v4', '--trainable_scopes=InceptionV4/AuxLogits/Aux_logits'],
        # The graph shows which variables a regular expression means.
        ['--model_name=inception_v4', '--trainable_scopes=.*Logits'],
        ['--model_name=of_my_own', HEAD],
        [HEAD],
    ],
)
def test_heads_are_accepted(arguments):
    assert read('--cache_features', *arguments).cache.passes == 1


@pytest.mark.parametrize(
    ('arguments', 'notices'),
    [
        (['--cache_features=3', '--augmentation=none'], ('--cache_features=3 has the effect of',)),
        (['--cache_features', '--augmentation=none'], ()),
        (['--cache_features=3'], ()),
        (['--features_dir=/tmp'], ('--features_dir has no effect without --cache_features',)),
    ],
)
def test_what_has_no_effect_is_mentioned(arguments, notices):
    found = read(HEAD, *arguments).notices
    assert len(found) == len(notices)
    assert all(line.startswith(start) for line, start in zip(found, notices, strict=True))
