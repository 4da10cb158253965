"""The command lines of training and evaluation: flags from records, and older tools' names."""

import dataclasses

from absl import flags as absl_flags

from common import cli
from common.cli import Dead, Ignored
from common.options import base_type, flag_fields
from training.evaluation.evaluation_options import EvaluationOptions
from training.options import TrainOptions


@dataclasses.dataclass(frozen=True)
class Alias:
    """Let an older tool's flag stand for the option that took its place."""

    name: str
    option: str


# What --help explains; it names the rest by purpose.
TRAINING_MOST_USED = (
    'dataset_name', 'dataset_dir', 'train_dir', 'model_name', 'checkpoint_path',
    'trainable_scopes', 'batch_size', 'num_epochs', 'max_number_of_steps', 'optimizer',
    'opt_epsilon', 'learning_rate', 'learning_rate_decay_type', 'moving_average_decay',
    'validate_every_n_epochs', 'seed',
)  # fmt: skip
EVALUATION_MOST_USED = (
    'checkpoint_path', 'dataset_dir', 'dataset_name', 'dataset_split_name', 'eval_dir',
    'eval_interval_secs', 'batch_size', 'save_best', 'model_name',
)  # fmt: skip
TRAINING_ALIASES = (
    Alias('data_dir', 'dataset_dir'),
    Alias('subset', 'dataset_split_name'),
    Alias('image_size', 'train_image_size'),
    Alias('pretrained_model_checkpoint_path', 'checkpoint_path'),
    Alias('initial_learning_rate', 'learning_rate'),
    Alias('max_steps', 'max_number_of_steps'),
    Alias('num_gpus', 'num_clones'),
    Alias('num_preprocess_threads', 'num_preprocessing_threads'),
    Alias('task_id', 'task'),
    Alias('num_replicas_to_aggregate', 'replicas_to_aggregate'),
)
TRAINING_DEAD = (
    Dead('quantize_delay', -1, 'training for quantization is not part of this toolkit'),
    Dead('protocol', 'grpc', 'TensorFlow has only grpc today'),
)
TRAINING_IGNORED = (
    Ignored(
        'input_queue_memory_factor', 16, 'the whole split is shuffled without a queue in memory'
    ),
    Ignored('num_readers', 4, 'records are read at random places, in an order of their own'),
)
EVALUATION_ALIASES = (
    Alias('checkpoint_dir', 'checkpoint_path'),
    Alias('data_dir', 'dataset_dir'),
    Alias('subset', 'dataset_split_name'),
    Alias('image_size', 'eval_image_size'),
    Alias('num_preprocess_threads', 'num_preprocessing_threads'),
)
EVALUATION_DEAD = (
    Dead('quantize', False, 'networks trained for quantization are not part of this toolkit'),
)
EVALUATION_IGNORED = (
    Ignored('input_queue_memory_factor', 16, 'an evaluation reads in order, without a queue'),
    Ignored('num_readers', 4, 'an evaluation reads in order'),
)


def define_training_flags(flag_values=absl_flags.FLAGS):
    """Define every flag of train_image_classifier.py, those of its predecessors included."""
    define(TrainOptions, TRAINING_ALIASES, (*TRAINING_DEAD, *TRAINING_IGNORED), flag_values)


def training_options(flag_values=absl_flags.FLAGS):
    """Turn the parsed command line into TrainOptions; None stands for what was not typed."""
    values, notices = typed_values(TrainOptions, TRAINING_ALIASES, flag_values)
    cli.refuse_dead(TRAINING_DEAD, flag_values)
    notices += cli.mention_ignored(TRAINING_IGNORED, flag_values)
    notices += _remarks(values, flag_values)
    return TrainOptions(**values, notices=tuple(notices))


def define_evaluation_flags(flag_values=absl_flags.FLAGS):
    """Define every flag of eval_image_classifier.py, those of its predecessors included."""
    others = (*EVALUATION_DEAD, *EVALUATION_IGNORED)
    define(EvaluationOptions, EVALUATION_ALIASES, others, flag_values)


def evaluation_options(flag_values=absl_flags.FLAGS):
    """Turn the parsed command line into EvaluationOptions."""
    values, notices = typed_values(EvaluationOptions, EVALUATION_ALIASES, flag_values)
    cli.refuse_dead(EVALUATION_DEAD, flag_values)
    notices += cli.mention_ignored(EVALUATION_IGNORED, flag_values)
    notices += _evaluation_remarks(EvaluationOptions(**values))
    return EvaluationOptions(**values, notices=tuple(notices))


def _evaluation_remarks(options):
    """List what was typed and yet changes nothing."""
    interval = options.eval_interval_secs
    if options.run_once and interval is not None:
        yield f'--eval_interval_secs={interval} changes nothing with --run_once'
    if options.interval_secs is None:
        for name in ('timeout_secs', 'max_evaluations'):
            if getattr(options, name) is not None:
                yield f'--{name} changes nothing without --eval_interval_secs'
    elif interval is None:
        yield f'--norun_once is understood as --eval_interval_secs={options.interval_secs}'


def _remarks(values, flag_values):
    """List what was typed and yet changes nothing, or not what one would think."""
    remarks = (
        (
            values['fine_tune'] and not values['checkpoint_path'],
            '--fine_tune changes nothing without --checkpoint_path: all weights start at random',
        ),
        (
            flag_values['momentum'].present and values['optimizer'] == 'rmsprop',
            '--momentum is not used by rmsprop, whose momentum is --rmsprop_momentum',
        ),
        (
            values['replicas_to_aggregate'] != 1 and not values['sync_replicas'],
            '--replicas_to_aggregate changes nothing without --sync_replicas',
        ),
        (
            values['sync_replicas'] and values['replicas_to_aggregate'] == 1,
            '--sync_replicas with --replicas_to_aggregate=1 takes one gradient a step and drops '
            "the other workers' as stale; -1 takes one of each",
        ),
    )
    return [text for applies, text in remarks if applies]


def define(options_class, aliases, others, flag_values):
    """Define the flags of an options class, its `aliases`, and `others` that hold no option."""
    fields = {field.name: field for field in flag_fields(options_class)}
    groups = {}
    for field in fields.values():
        default = field.default if field.metadata['shown'] is None else field.metadata['shown']
        row = (_kind(field), field.name, default, field.metadata['help'])
        groups.setdefault(field.metadata['group'], []).append(row)
    # No default of its own: an older default never applies unless it is typed.
    older = [
        (_kind(fields[alias.option]), alias.name, None, f'The same as --{alias.option}.')
        for alias in aliases
    ]
    groups[cli.OLDER_NAMES] = [*older, *cli.without_effect(others)]
    cli.define(groups, flag_values)


def _kind(field):
    return 'path' if field.metadata['is_path'] else cli.KINDS[base_type(field)]


def typed_values(options_class, aliases, flag_values):
    """Return the values by option, and a line for each older name that was typed."""
    values, notices = {}, []
    for field in flag_fields(options_class):
        flag = flag_values[field.name]
        # Where --help shows a default that a model.json may overrule, only what was typed counts.
        is_untyped = field.metadata['shown'] is not None and not flag.present
        values[field.name] = None if is_untyped else flag.value
    sources = {name: name for name in values if flag_values[name].present}
    for alias in aliases:
        flag = flag_values[alias.name]
        if not flag.present:
            continue
        source = sources.setdefault(alias.option, alias.name)
        if source != alias.name:
            cli.require_agreement(source, values[alias.option], alias.name, flag.value)
        values[alias.option] = flag.value
        notices.append(f'--{alias.name} is understood as --{alias.option}={flag.value}')
    return values, notices
