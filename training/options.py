"""What a user may ask of training: each flag with its default, its range and its help, once."""

import dataclasses
import os

from classifiers import checkpoint_paths
from common.options import (
    COUNT,
    DECAY,
    NOT_NEGATIVE,
    POSITIVE,
    Dead,
    Ignored,
    OneOf,
    ProgramOptions,
    Range,
    option,
)
from datasets.records import record_files

DATA = 'Data and network'
LENGTH = 'Length of the run'
START = 'Starting weights, and what is trained'
RATE = 'Learning rate'
OPTIMIZER = 'Optimizer'
LOSS = 'Loss and regularization'
VALIDATION = 'Validation during the run'
SAVING = 'Checkpoints, logs and summaries'
DEVICES = 'Devices and input'
CLUSTER = 'Several machines'

OPTIMIZERS = ('adadelta', 'adagrad', 'adam', 'adamw', 'ftrl', 'momentum', 'rmsprop', 'sgd')
DECAY_TYPES = ('exponential', 'fixed', 'polynomial', 'cosine')


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainOptions(ProgramOptions):
    """Hold the options of a training run; None means not given."""

    page = 'docs/training.md'
    most_used = (
        'dataset_name', 'dataset_dir', 'train_dir', 'model_name', 'checkpoint_path',
        'trainable_scopes', 'batch_size', 'num_epochs', 'max_number_of_steps', 'optimizer',
        'opt_epsilon', 'learning_rate', 'learning_rate_decay_type', 'moving_average_decay',
        'validate_every_n_epochs', 'seed',
    )  # fmt: skip
    unused = (
        Dead('quantize_delay', -1, 'training for quantization is not part of this toolkit'),
        Dead('protocol', 'grpc', 'TensorFlow has only grpc today'),
        Ignored(
            'input_queue_memory_factor', 16, 'the whole split is shuffled without a queue in memory'
        ),
        Ignored('num_readers', 4, 'records are read at random places, in an order of their own'),
    )

    # Data and network
    train_dir: str = option(DATA, '/tmp/tfmodel/', 'Where checkpoints and events go.', is_path=True)
    dataset_dir: str | None = option(
        DATA, None, 'The directory that holds the records.', is_path=True, older=('data_dir',)
    )
    dataset_name: str | None = option(
        DATA, None, 'The data set; untyped, what lies in --dataset_dir decides.', shown='imagenet'
    )
    dataset_split_name: str = option(DATA, 'train', 'The split to train on.', older=('subset',))
    model_name: str | None = option(DATA, None, 'The network.', shown='inception_v3')
    preprocessing_name: str | None = option(
        DATA, None, "The preprocessing; untyped, the network's own."
    )
    train_image_size: int | None = option(
        DATA,
        None,
        "Side of the input in pixels; untyped, the network's own.",
        COUNT,
        older=('image_size',),
    )
    use_grayscale: bool | None = option(DATA, None, 'Train on one channel.', shown=False)
    labels_offset: int | None = option(
        DATA,
        None,
        'Subtracted from each label, to leave out a background class (1 for VGG and ResNet v1).',
        NOT_NEGATIVE,
        shown=0,
    )
    augmentation: str = option(
        DATA,
        'slim',
        "none (as in evaluation), slim (the network's recipe) or strong (RandAugment, erasing).",
        OneOf(('none', 'slim', 'strong')),
    )
    skip_damaged_records: bool = option(
        DATA, False, 'Leave out records that fail their checksums, and name them in the log.'
    )

    # Length of the run
    batch_size: int = option(LENGTH, 32, 'Pictures per step in each clone.', COUNT)
    max_number_of_steps: int | None = option(
        LENGTH,
        None,
        'Last step; untyped, training goes on until it is stopped.',
        COUNT,
        older=('max_steps',),
    )
    num_epochs: float | None = option(
        LENGTH,
        None,
        'Length in passes over the split; the shorter of this and the steps.',
        POSITIVE,
    )
    seed: int | None = option(
        LENGTH,
        None,
        'Repeat weights, order and augmentation exactly, across restarts too.',
        Range(low=0, high=2**31 - 1),
    )

    # Starting weights, and what is trained
    checkpoint_path: str | None = option(
        START,
        None,
        'A checkpoint, or a directory of them, to start from.',
        is_path=True,
        older=('pretrained_model_checkpoint_path',),
    )
    checkpoint_exclude_scopes: str | None = option(
        START,
        None,
        'Scopes, with commas, that are not read from the checkpoint; `head`: the last layers.',
    )
    trainable_scopes: str | None = option(
        START,
        None,
        'Scopes, with commas, that are trained; `head`: the last layers; untyped, all are.',
    )
    ignore_missing_vars: bool = option(
        START, False, 'Forgive heads that the checkpoint lacks, but no other part of the network.'
    )
    fine_tune: bool = option(
        START, False, 'Start with a new head (and auxiliary head) whatever the checkpoint holds.'
    )
    update_frozen_batch_norm: bool = option(
        START, False, 'Let batch norms outside --trainable_scopes go on, as TF-Slim did.'
    )

    # Learning rate
    learning_rate: float = option(
        RATE, 0.01, 'Learning rate at the start.', NOT_NEGATIVE, older=('initial_learning_rate',)
    )
    learning_rate_decay_type: str = option(
        RATE, 'exponential', f'How it falls: {", ".join(DECAY_TYPES)}.', OneOf(DECAY_TYPES)
    )
    learning_rate_decay_factor: float = option(
        RATE, 0.94, 'exponential: the factor of each step down.', POSITIVE
    )
    num_epochs_per_decay: float = option(
        RATE,
        2.0,
        'exponential: passes between two steps down; polynomial: until the end.',
        POSITIVE,
    )
    end_learning_rate: float = option(
        RATE, 0.0001, 'polynomial and cosine: where it ends.', NOT_NEGATIVE
    )
    warmup_epochs: float = option(
        RATE, 0.0, 'Passes during which it rises from 0 in a straight line.', NOT_NEGATIVE
    )

    # Optimizer
    optimizer: str = option(
        OPTIMIZER, 'rmsprop', f'One of {", ".join(OPTIMIZERS)}.', OneOf(OPTIMIZERS)
    )
    opt_epsilon: float | None = option(
        OPTIMIZER,
        None,
        'adadelta, adam, rmsprop: the epsilon; untyped, adamw takes 1e-08.',
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
        OPTIMIZER, 0.1, 'adagrad: where the accumulators start.', POSITIVE
    )
    ftrl_learning_rate_power: float = option(
        OPTIMIZER, -0.5, 'ftrl: power of the learning rate.', Range(high=0)
    )
    ftrl_initial_accumulator_value: float = option(
        OPTIMIZER, 0.1, 'ftrl: where the accumulators start.', NOT_NEGATIVE
    )
    ftrl_l1: float = option(OPTIMIZER, 0.0, 'ftrl: L1 strength.', NOT_NEGATIVE)
    ftrl_l2: float = option(OPTIMIZER, 0.0, 'ftrl: L2 strength.', NOT_NEGATIVE)
    gradient_clip_norm: float | None = option(
        OPTIMIZER, None, 'Scale gradients down to this global norm.', POSITIVE
    )
    mixed_precision: bool = option(
        OPTIMIZER,
        False,
        'bfloat16 where the processor has it, float16 with loss scaling on GPUs.',
    )

    # Loss and regularization
    weight_decay: float = option(
        LOSS,
        4e-05,
        'L2 strength on the weights, part of the loss; adamw: taken off the weights at each step, '
        'times the learning rate, outside the loss.',
        NOT_NEGATIVE,
    )
    label_smoothing: float = option(LOSS, 0.0, 'Share of each label spread over all.', DECAY)
    class_weights: str = option(
        LOSS,
        'none',
        'none, or balanced: a rare class counts as much as a frequent one.',
        OneOf(('none', 'balanced')),
    )
    moving_average_decay: float | None = option(
        LOSS, None, 'Keep moving averages of the weights with this decay.', DECAY
    )
    batch_norm_decay: float | None = option(
        LOSS, None, "Decay of batch norm's statistics; untyped, the network's own.", DECAY
    )

    # Validation during the run
    validate_every_n_epochs: float | None = option(
        VALIDATION, None, 'Passes over the training split between two validations.', POSITIVE
    )
    validation_split_name: str = option(VALIDATION, 'validation', 'The split to validate on.')
    early_stopping_patience: int | None = option(
        VALIDATION, None, 'Stop after this many validations without a better accuracy.', COUNT
    )

    # Checkpoints, logs and summaries
    save_interval_secs: int = option(
        SAVING, 600, 'Seconds between checkpoints; 0: none by time.', NOT_NEGATIVE
    )
    save_interval_steps: int | None = option(SAVING, None, 'Steps between checkpoints.', COUNT)
    keep_checkpoints: int = option(SAVING, 5, 'Newest checkpoints to keep; 0: all.', NOT_NEGATIVE)
    log_every_n_steps: int = option(
        SAVING, 10, 'Steps between two lines of the log; 0: none.', NOT_NEGATIVE
    )
    save_summaries_secs: int = option(
        SAVING, 600, 'Seconds between pictures and histograms; 0: none by time.', NOT_NEGATIVE
    )
    save_summaries_steps: int | None = option(
        SAVING, None, 'Steps between pictures and histograms.', COUNT
    )

    # Devices and input
    num_clones: int = option(
        DEVICES, 1, 'Copies of the network, one per GPU.', COUNT, older=('num_gpus',)
    )
    clone_on_cpu: bool = option(DEVICES, False, 'Put the clones on the CPU.')
    gpu_allow_growth: bool | None = option(
        DEVICES,
        None,
        'Take GPU memory as needed; so it is unless --nogpu_allow_growth.',
        shown=False,
    )
    log_device_placement: bool = option(DEVICES, False, 'Print which device runs which operation.')
    num_preprocessing_threads: int = option(
        DEVICES,
        4,
        'Pictures that are decoded and augmented side by side.',
        COUNT,
        older=('num_preprocess_threads',),
    )

    # Several machines
    master: str = option(CLUSTER, '', 'Address of a TensorFlow server that runs already.')
    job_name: str | None = option(CLUSTER, None, 'What this process is: ps or worker.')
    ps_hosts: str | None = option(CLUSTER, None, 'host:port of the parameter servers, with commas.')
    worker_hosts: str | None = option(
        CLUSTER, None, 'host:port of the workers; the first is chief.'
    )
    task: int | None = option(
        CLUSTER,
        None,
        'Number of this process within its job.',
        NOT_NEGATIVE,
        shown=0,
        older=('task_id',),
    )
    worker_replicas: int | None = option(CLUSTER, None, 'Workers in all.', COUNT, shown=1)
    num_ps_tasks: int | None = option(
        CLUSTER,
        None,
        'Parameter servers in all; 0 keeps the variables here.',
        NOT_NEGATIVE,
        shown=0,
    )
    sync_replicas: bool = option(CLUSTER, False, 'Average the gradients of the workers.')
    replicas_to_aggregate: int = option(
        CLUSTER,
        1,
        'Gradients that make a synchronous step; -1: one of each worker.',
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
        if self.job_name == 'ps' or 'TF_CONFIG' in os.environ:
            return  # A parameter server reads nothing.
        record_files.require(self.dataset_dir, self.dataset_name, self.dataset_split_name)
        # A run that resumes does not read it.
        if self.checkpoint_path and not checkpoint_paths.may_hold_one(self.train_dir):
            checkpoint_paths.require(self.checkpoint_path)

    def remarks(self, given):
        """Yield a line for each option that has no effect, or not the one that one would expect."""
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
