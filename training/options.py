"""What a user may ask of training: each flag with its default, its range and its help, once."""

import dataclasses
import os

from classifiers import checkpoint_paths
from common.checks import COUNT, DECAY, NOT_NEGATIVE, POSITIVE, OneOf, Range
from common.options import Dead, Ignored, ProgramOptions, option, part
from datasets.records import record_files
from deployment.cluster_options import CLUSTER, ClusterOptions
from training.head_only import exact_options
from training.head_only.cache_options import START, CacheOptions

DATA = 'Data and network'
LENGTH = 'Length of the run'
RATE = 'Learning rate'
OPTIMIZER = 'Optimizer'
LOSS = 'Loss and regularization'
VALIDATION = 'Validation during the run'
SAVING = 'Checkpoints, logs and summaries'
DEVICES = 'Devices and input'

OPTIMIZERS = ('adadelta', 'adagrad', 'adam', 'adamw', 'ftrl', 'momentum', 'rmsprop', 'sgd')
DECAY_TYPES = ('exponential', 'fixed', 'polynomial', 'cosine')


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainOptions(ProgramOptions):
    """Hold the options of a training run; None means not given."""

    page = 'docs/training.md'
    most_used = (
        'dataset_name', 'dataset_dir', 'train_dir', 'model_name', 'checkpoint_path',
        'trainable_scopes', 'cache_features', 'batch_size', 'num_epochs', 'max_number_of_steps',
        'optimizer', 'opt_epsilon', 'learning_rate', 'learning_rate_decay_type',
        'moving_average_decay', 'validate_every_n_epochs', 'seed',
    )  # fmt: skip
    unused = (
        Dead('quantize_delay', -1, 'training for quantization is not part of this toolkit'),
        Dead('protocol', 'grpc', 'TensorFlow has only grpc today'),
        Ignored(
            'input_queue_memory_factor', 16, 'the whole split is shuffled without a queue in memory'
        ),
        Ignored('num_readers', 4, 'records are read in shuffled order from random places'),
    )

    # Data and network
    train_dir: str = option(
        DATA, '/tmp/tfmodel/', 'Directory for checkpoints and logs.', is_path=True
    )
    dataset_dir: str | None = option(
        DATA, None, 'Directory of the records.', is_path=True, older=('data_dir',)
    )
    dataset_name: str | None = option(
        DATA,
        None,
        'The data set. If not given, the one that --dataset_dir contains.',
        shown='imagenet',
    )
    dataset_split_name: str = option(DATA, 'train', 'The split to train on.', older=('subset',))
    model_name: str | None = option(
        DATA,
        None,
        "The network; if not given, the checkpoint's.",
        shown='inception_v3',
    )
    preprocessing_name: str | None = option(
        DATA, None, "The preprocessing. If not given, the network's own."
    )
    train_image_size: int | None = option(
        DATA,
        None,
        "Side of the input in pixels. If not given, the network's own.",
        COUNT,
        older=('image_size',),
    )
    use_grayscale: bool | None = option(
        DATA, None, 'Train on pictures of one channel.', shown=False
    )
    labels_offset: int | None = option(
        DATA,
        None,
        'Number to subtract from each label, to leave out a background class (1 for VGG and '
        'ResNet v1).',
        NOT_NEGATIVE,
        shown=0,
    )
    augmentation: str = option(
        DATA,
        'slim',
        "How pictures are varied: none as in evaluation; slim with the network's own recipe; "
        'strong with RandAugment and random erasing.',
        OneOf(('none', 'slim', 'strong')),
    )
    skip_damaged_records: bool = option(
        DATA, False, 'Leave out records that fail their checksum, and list them in the log.'
    )

    # Length of the run
    batch_size: int = option(LENGTH, 32, 'Number of pictures per step in each clone.', COUNT)
    max_number_of_steps: int | None = option(
        LENGTH,
        None,
        'Stop after this many steps. If not given, training runs until it is stopped.',
        COUNT,
        older=('max_steps',),
    )
    num_epochs: float | None = option(
        LENGTH,
        None,
        'Stop after this many passes over the split, or after --max_number_of_steps if that '
        'is sooner.',
        POSITIVE,
    )
    seed: int | None = option(
        LENGTH,
        None,
        'Seed of weights, order and augmentation. With it a run can be repeated exactly, also '
        'if it was interrupted.',
        Range(low=0, high=2**31 - 1),
    )

    # Starting weights, and what is trained
    checkpoint_path: str | None = option(
        START,
        None,
        'The checkpoint, or a directory of checkpoints, to start from.',
        is_path=True,
        older=('pretrained_model_checkpoint_path',),
    )
    checkpoint_exclude_scopes: str | None = option(
        START,
        None,
        'Comma-separated scopes that are not read from the checkpoint; head means the last layers.',
    )
    trainable_scopes: str | None = option(
        START,
        None,
        'Comma-separated scopes to train; head means the last layers. If not given, '
        'everything is trained.',
    )
    ignore_missing_vars: bool = option(
        START,
        False,
        'Accept a checkpoint that lacks the head, but not one that lacks any other part of '
        'the network.',
    )
    fine_tune: bool = option(
        START, False, 'Start with a new head (and auxiliary head), even if the checkpoint has one.'
    )
    update_frozen_batch_norm: bool = option(
        START,
        False,
        'Let batch norms outside --trainable_scopes keep updating their statistics, as in TF-Slim.',
    )

    cache: CacheOptions = part(CacheOptions)

    # Learning rate
    learning_rate: float = option(
        RATE, 0.01, 'Learning rate at the start.', NOT_NEGATIVE, older=('initial_learning_rate',)
    )
    learning_rate_decay_type: str = option(
        RATE, 'exponential', 'How the learning rate falls.', OneOf(DECAY_TYPES)
    )
    learning_rate_decay_factor: float = option(
        RATE, 0.94, 'exponential: factor by which each decay multiplies the rate.', POSITIVE
    )
    num_epochs_per_decay: float = option(
        RATE,
        2.0,
        'exponential: passes between two decays; polynomial: passes until the end.',
        POSITIVE,
    )
    end_learning_rate: float = option(
        RATE, 0.0001, 'polynomial and cosine: learning rate at the end.', NOT_NEGATIVE
    )
    warmup_epochs: float = option(
        RATE, 0.0, 'Number of passes during which the rate rises linearly from 0.', NOT_NEGATIVE
    )

    # Optimizer
    optimizer: str = option(
        OPTIMIZER,
        'rmsprop',
        'The optimizer. lbfgs fits the last layers exactly, in seconds.',
        OneOf((*OPTIMIZERS, exact_options.NAME)),
    )
    opt_epsilon: float | None = option(
        OPTIMIZER,
        None,
        'adadelta, adam, rmsprop: the epsilon. adamw uses 1e-08 if it is not given.',
        NOT_NEGATIVE,
        shown=1.0,
    )
    momentum: float = option(OPTIMIZER, 0.9, 'momentum: the momentum.', Range(low=0, high=1))
    rmsprop_momentum: float = option(OPTIMIZER, 0.9, 'rmsprop: the momentum.', Range(low=0, high=1))
    rmsprop_decay: float = option(OPTIMIZER, 0.9, 'rmsprop: decay of the mean square.', DECAY)
    adam_beta1: float = option(OPTIMIZER, 0.9, 'adam, adamw: decay of the first moment.', DECAY)
    adam_beta2: float = option(OPTIMIZER, 0.999, 'adam, adamw: decay of the second moment.', DECAY)
    adadelta_rho: float = option(OPTIMIZER, 0.95, 'adadelta: the decay.', DECAY)
    adagrad_initial_accumulator_value: float = option(
        OPTIMIZER, 0.1, 'adagrad: initial value of the accumulators.', POSITIVE
    )
    ftrl_learning_rate_power: float = option(
        OPTIMIZER, -0.5, 'ftrl: power of the learning rate.', Range(high=0)
    )
    ftrl_initial_accumulator_value: float = option(
        OPTIMIZER, 0.1, 'ftrl: initial value of the accumulators.', NOT_NEGATIVE
    )
    ftrl_l1: float = option(OPTIMIZER, 0.0, 'ftrl: L1 regularization strength.', NOT_NEGATIVE)
    ftrl_l2: float = option(OPTIMIZER, 0.0, 'ftrl: L2 regularization strength.', NOT_NEGATIVE)
    gradient_clip_norm: float | None = option(
        OPTIMIZER, None, 'Scale gradients down if their global norm is larger than this.', POSITIVE
    )
    mixed_precision: bool = option(
        OPTIMIZER,
        False,
        'Compute in bfloat16 on processors that support it, and in float16 with loss scaling '
        'on GPUs.',
    )

    # Loss and regularization
    weight_decay: float = option(
        LOSS,
        4e-05,
        'L2 regularization strength of the weights, part of the loss. adamw: each step '
        'subtracts the weights times this and the learning rate, outside the loss.',
        NOT_NEGATIVE,
    )
    label_smoothing: float = option(
        LOSS, 0.0, 'Fraction of each label that is spread over all classes.', DECAY
    )
    class_weights: str = option(
        LOSS,
        'none',
        'balanced gives rare classes as much weight in the loss as frequent ones.',
        OneOf(('none', 'balanced')),
    )
    moving_average_decay: float | None = option(
        LOSS, None, 'Keep moving averages of the weights with this decay.', DECAY
    )
    batch_norm_decay: float | None = option(
        LOSS, None, "Decay of the batch norms' statistics. If not given, the network's own.", DECAY
    )

    # Validation during the run
    validate_every_n_epochs: float | None = option(
        VALIDATION,
        None,
        'Number of passes over the training split between two validations. If not given, '
        'there is no validation.',
        POSITIVE,
    )
    validation_split_name: str = option(VALIDATION, 'validation', 'The split to validate on.')
    early_stopping_patience: int | None = option(
        VALIDATION, None, 'Stop after this many validations without a better accuracy.', COUNT
    )

    # Checkpoints, logs and summaries
    save_interval_secs: int = option(
        SAVING, 600, 'Seconds between two checkpoints; 0 turns this off.', NOT_NEGATIVE
    )
    save_interval_steps: int | None = option(SAVING, None, 'Steps between two checkpoints.', COUNT)
    keep_checkpoints: int = option(
        SAVING, 5, 'Number of recent checkpoints to keep; 0 keeps all.', NOT_NEGATIVE
    )
    log_every_n_steps: int = option(
        SAVING, 10, 'Steps between two lines in the log; 0 turns them off.', NOT_NEGATIVE
    )
    save_summaries_secs: int = option(
        SAVING,
        600,
        'Seconds between two summaries of pictures and histograms; 0 turns this off.',
        NOT_NEGATIVE,
    )
    save_summaries_steps: int | None = option(
        SAVING, None, 'Steps between two summaries of pictures and histograms.', COUNT
    )

    # Devices and input
    num_clones: int = option(
        DEVICES, 1, 'Number of copies of the network, one per GPU.', COUNT, older=('num_gpus',)
    )
    clone_on_cpu: bool = option(DEVICES, False, 'Place the clones on the CPU.')
    gpu_allow_growth: bool | None = option(
        DEVICES,
        None,
        'Allocate GPU memory as it is needed. This is the default; --nogpu_allow_growth '
        'allocates all of it at once.',
        shown=False,
    )
    log_device_placement: bool = option(DEVICES, False, 'Print the device of each operation.')
    num_preprocessing_threads: int = option(
        DEVICES,
        4,
        'Number of pictures to decode and augment in parallel.',
        COUNT,
        older=('num_preprocess_threads',),
    )

    # Several machines
    cluster: ClusterOptions = part(ClusterOptions)
    sync_replicas: bool = option(CLUSTER, False, 'Average the gradients of the workers.')
    replicas_to_aggregate: int = option(
        CLUSTER,
        1,
        'Number of gradients in a synchronous step; -1 means one from each worker.',
        Range(low=-1),
        older=('num_replicas_to_aggregate',),
    )

    def __post_init__(self):
        super().__post_init__()
        if self.early_stopping_patience and not self.validate_every_n_epochs:
            raise self.mistake(
                'early_stopping_patience',
                'there is nothing to watch without --validate_every_n_epochs',
            )
        if self.replicas_to_aggregate == 0:
            raise self.mistake(
                'replicas_to_aggregate', 'must be at least 1, or -1 for every worker'
            )
        if self.learning_rate_decay_type == 'cosine':
            self._check_cosine()
        exact_options.check(self)
        self.cache.require_frozen_layers(self)

    def _check_cosine(self):
        if not (self.max_number_of_steps or self.num_epochs):
            raise self.mistake(
                'learning_rate_decay_type',
                'needs to know where the run ends; pass --num_epochs or --max_number_of_steps',
            )
        if self.end_learning_rate > self.learning_rate:
            raise self.mistake(
                'end_learning_rate',
                f'must be at most --learning_rate={self.learning_rate:g}, or the cosine would rise',
            )

    def check_files(self):
        """Check that the records are there, and the checkpoint that a new run starts from."""
        if self.cluster.job_name == 'ps' or 'TF_CONFIG' in os.environ:
            return  # A parameter server reads nothing.
        record_files.require(self.dataset_dir, self.dataset_name, self.dataset_split_name)
        # A run that resumes does not read it.
        if self.checkpoint_path and not checkpoint_paths.may_hold_one(self.train_dir):
            checkpoint_paths.require(self.checkpoint_path)

    def check_given(self, given):
        """Refuse what was given beside --optimizer=lbfgs without having a meaning there."""
        exact_options.check(self, given)

    def remarks(self, given):
        """Yield a line for each option that has no effect, or not the one that one would expect."""
        yield from exact_options.remarks(self, given)
        yield from self.cache.remarks(self)
        if self.fine_tune and not self.checkpoint_path:
            yield '--fine_tune has no effect without --checkpoint_path: all weights start at random'
        if 'momentum' in given and self.optimizer == 'rmsprop':
            yield '--momentum is not used by rmsprop, whose momentum is --rmsprop_momentum'
        if self.replicas_to_aggregate != 1 and not self.sync_replicas:
            yield '--replicas_to_aggregate has no effect without --sync_replicas'
        if self.sync_replicas and self.replicas_to_aggregate == 1:
            yield (
                '--sync_replicas with --replicas_to_aggregate=1 takes one gradient a step and '
                "drops the other workers' as stale; -1 takes one of each"
            )
