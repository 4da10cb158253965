"""How each network is trained: the tables behind the scripts.

Patterns are the shell's, and the first row that matches applies.
"""

import dataclasses
import fnmatch

from training.jobs import arguments as arguments_of


@dataclasses.dataclass(frozen=True)
class FromScratch:
    """Train from random weights."""

    networks: str
    datasets: str
    text: str

    def flags(self):
        """Return the flags of train_image_classifier.py."""
        return self.text.split()


# All layers, from released weights with a fitted head. Such a head fits exactly the features of
# the weights as they are. On 200 photographs, adam, a high rate or frozen statistics of batch norm
# lost more in the first epoch than later ones gained.
_ALL_LAYERS = (
    '--batch_size=32 --optimizer=momentum --learning_rate=0.001 --warmup_epochs=1 '
    '--learning_rate_decay_type=fixed --batch_norm_decay=0.95 --num_epochs=20 '
    '--validate_every_n_epochs=1 --early_stopping_patience=4'
)
# Flags that the fit of a head does not have, because it takes no steps. finetune.sh passes them to
# the training of all layers alone.
ONLY_FOR_STEPS = (
    'optimizer', 'learning_rate', 'initial_learning_rate', 'learning_rate_decay_type',
    'learning_rate_decay_factor', 'num_epochs_per_decay', 'end_learning_rate', 'warmup_epochs',
    'opt_epsilon', 'momentum', 'rmsprop_momentum', 'rmsprop_decay', 'adam_beta1', 'adam_beta2',
    'adadelta_rho', 'adagrad_initial_accumulator_value', 'ftrl_learning_rate_power',
    'ftrl_initial_accumulator_value', 'ftrl_l1', 'ftrl_l2', 'gradient_clip_norm',
    'max_number_of_steps', 'max_steps', 'num_epochs', 'batch_size', 'augmentation', 'weight_decay',
    'batch_norm_decay', 'label_smoothing', 'moving_average_decay', 'num_clones', 'num_gpus',
    'validate_every_n_epochs', 'early_stopping_patience', 'trainable_scopes',
)  # fmt: skip

# From random weights. lenet and cifarnet: TF-Slim's scripts. mobilenet_v1_025 on the drawn flowers:
# measured here, for a small data set and a few minutes. The others: the networks' papers, as far as
# they fit one machine (resnet: He et al. 2015, section 3.4; vgg, and alexnet and overfeat like it:
# Simonyan and Zisserman 2014, section 3.1; nasnet and pnasnet: Zoph et al. 2017, appendix A;
# inception and mobilenet: TF-Slim's defaults).
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
        'mobilenet_*',
        '*',
        '--num_epochs=100 --batch_size=96 --optimizer=rmsprop --learning_rate=0.045 '
        '--learning_rate_decay_factor=0.98 --num_epochs_per_decay=2.5 --weight_decay=0.00004 '
        '--label_smoothing=0.1',
    ),
    FromScratch(
        'nasnet_cifar',
        '*',
        '--num_epochs=600 --batch_size=32 --optimizer=momentum --learning_rate=0.025 '
        '--learning_rate_decay_type=cosine --end_learning_rate=0 --gradient_clip_norm=5 '
        '--weight_decay=0.0005',
    ),
    FromScratch(
        '*nasnet_*',
        '*',
        '--num_epochs=100 --batch_size=32 --optimizer=rmsprop --learning_rate=0.04 '
        '--learning_rate_decay_factor=0.97 --num_epochs_per_decay=2.4 --gradient_clip_norm=10 '
        '--label_smoothing=0.1 --weight_decay=0.00004',
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


def all_layers(head):
    """Return the flags that fine-tune all layers, starting from a train_dir with a fitted head."""
    return [f'--checkpoint_path={head}', *_ALL_LAYERS.split()]


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
    """Return the flags that compute the best last layers on released weights, without steps.

    All other layers come from the weights, also those in front of an auxiliary last layer.
    """
    return [f'--checkpoint_path={weights}', '--trainable_scopes=head', f'--optimizer={EXACT}']


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
