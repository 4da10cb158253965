"""How each network is trained: the tables behind the scripts.

Patterns are the shell's, and the first row that matches applies.
"""

import dataclasses
import fnmatch

from training.jobs import arguments as arguments_of


@dataclasses.dataclass(frozen=True)
class Stage:
    """How long one stage of a fine-tuning is, and its learning rate."""

    steps: int
    rate: float

    def flags(self):
        """Return the flags of train_image_classifier.py."""
        return [f'--max_number_of_steps={self.steps}', f'--learning_rate={self.rate}']


@dataclasses.dataclass(frozen=True)
class FineTuning:
    """Train a new head first, then all layers at a lower rate; `extra` holds flags of both."""

    networks: str
    head: Stage
    all_layers: Stage
    extra: str = ''

    def flags(self):
        """Return the flags of both stages."""
        return [*self.extra.split(), *_FINE_TUNING_FLAGS]


@dataclasses.dataclass(frozen=True)
class FromScratch:
    """Train from random weights."""

    networks: str
    datasets: str
    text: str

    def flags(self):
        """Return the flags of train_image_classifier.py."""
        return self.text.split()


_FINE_TUNING_FLAGS = ('--batch_size=32', '--optimizer=rmsprop', '--weight_decay=0.00004')
_FIXED = '--learning_rate_decay_type=fixed'

# From released weights. The rows of inception_v1, inception_v3, inception_resnet_v2 and
# resnet_v1_50 are those of TF-Slim's scripts for the flowers; related networks use the same values.
FINE_TUNING = (
    FineTuning('inception_v1', Stage(3000, 0.01), Stage(1000, 0.001)),
    FineTuning('inception_v2', Stage(3000, 0.01), Stage(1000, 0.001)),
    FineTuning('inception_v[34]', Stage(1000, 0.01), Stage(500, 0.0001), _FIXED),
    FineTuning('inception_resnet_v2', Stage(1000, 0.01), Stage(500, 0.0001), _FIXED),
    FineTuning('resnet_v?_*', Stage(3000, 0.01), Stage(1000, 0.001)),
    FineTuning('mobilenet_v1*', Stage(3000, 0.01), Stage(1000, 0.001)),
    FineTuning('vgg_*', Stage(3000, 0.001), Stage(1000, 0.0001)),
)

# From random weights. lenet and cifarnet: TF-Slim's scripts. mobilenet_v1_025 on the drawn flowers:
# measured here, for a small data set and a few minutes. The others: the networks' papers, as far as
# they fit one machine (resnet: He et al. 2015, section 3.4; vgg, and alexnet and overfeat like it:
# Simonyan and Zisserman 2014, section 3.1; inception and mobilenet: TF-Slim's defaults).
FROM_SCRATCH = (
    FromScratch(
        'lenet',
        '*',
        '--max_number_of_steps=20000 --batch_size=50 --optimizer=sgd --learning_rate=0.01 '
        '--learning_rate_decay_type=fixed --weight_decay=0',
    ),
    FromScratch(
        'cifarnet',
        '*',
        '--max_number_of_steps=100000 --batch_size=128 --optimizer=sgd --learning_rate=0.1 '
        '--learning_rate_decay_factor=0.1 --num_epochs_per_decay=200 --weight_decay=0.004',
    ),
    FromScratch(
        'mobilenet_v1_025',
        'sample_flowers',
        '--train_image_size=128 --num_epochs=45 --batch_size=32 --optimizer=adam '
        '--opt_epsilon=1e-8 --learning_rate=0.01 --warmup_epochs=1 '
        '--learning_rate_decay_type=cosine --end_learning_rate=0 --batch_norm_decay=0.95',
    ),
    FromScratch(
        'inception_*',
        '*',
        '--num_epochs=100 --batch_size=32 --optimizer=rmsprop --learning_rate=0.01 '
        '--learning_rate_decay_factor=0.94 --num_epochs_per_decay=2 --weight_decay=0.00004',
    ),
    FromScratch(
        'mobilenet_v1*',
        '*',
        '--num_epochs=100 --batch_size=64 --optimizer=rmsprop --learning_rate=0.045 '
        '--learning_rate_decay_factor=0.98 --num_epochs_per_decay=2.5 --weight_decay=0.00004',
    ),
    FromScratch(
        'resnet_v?_*',
        '*',
        '--num_epochs=90 --batch_size=32 --optimizer=momentum --learning_rate=0.0125 '
        '--learning_rate_decay_factor=0.1 --num_epochs_per_decay=30 --weight_decay=0.0001',
    ),
    FromScratch(
        '*',
        '*',
        '--num_epochs=74 --batch_size=128 --optimizer=momentum --learning_rate=0.005 '
        '--learning_rate_decay_factor=0.1 --num_epochs_per_decay=25 --weight_decay=0.0005',
    ),
)


def fine_tuning(network):
    """Return the FineTuning of a network, or None where the table has no row for it."""
    rows = (row for row in FINE_TUNING if fnmatch.fnmatchcase(network, row.networks))
    return next(rows, None)


def from_scratch(network, dataset):
    """Return the flags that train a network on a data set from random weights."""
    return next(
        row.flags()
        for row in FROM_SCRATCH
        if fnmatch.fnmatchcase(network, row.networks) and fnmatch.fnmatchcase(dataset, row.datasets)
    )


def new_head(weights, scopes='head'):
    """Return the flags that train only new last layers on released weights."""
    return [
        f'--checkpoint_path={weights}',
        f'--checkpoint_exclude_scopes={scopes}',
        f'--trainable_scopes={scopes}',
    ]


EXACT = 'lbfgs'  # The optimizer without steps.


def exact_head(weights):
    """Return the flags that compute the best last layers on released weights, without steps."""
    return [*new_head(weights), f'--optimizer={EXACT}']


def optimizer(arguments):
    """Return the optimizer and batch size of run_train.sh and sweep_learning_rate.sh as flags.

    A learning rate belongs to an epsilon. With the program's default of 1, which is TF-Slim's, a
    rate of 0.001 is far too low: 100 steps of a new head reached 23% where these flags reach 81%
    (docs/learning_rate.md). Another optimizer keeps the program's epsilon.
    """
    flags = ['--optimizer=adam', '--batch_size=32']
    if arguments_of.value(arguments, 'optimizer', 'adam') == 'adam':
        flags.append('--opt_epsilon=1e-8')
    return flags
