"""The command lines of training and evaluation: flags from records, and older tools' names."""

import dataclasses
import sys

from absl import flags as absl_flags

from common.errors import UserError
from training.evaluation_options import EvaluationOptions
from training.option_fields import base_type, flag_fields
from training.options import TrainOptions

OLDER_NAMES = 'Names of older tools'


@dataclasses.dataclass(frozen=True)
class Alias:
    """Let an older tool's flag stand for the option that took its place."""

    name: str
    option: str


@dataclasses.dataclass(frozen=True)
class Dead:
    """Accept a flag at its default alone, because nothing here can do what it asks for."""

    name: str
    default: object
    reason: str


@dataclasses.dataclass(frozen=True)
class Ignored:
    """Accept any value of a flag that turned a knob which is no longer needed."""

    name: str
    default: object
    reason: str


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
    notices += refuse_dead(TRAINING_DEAD, flag_values)
    notices += mention_ignored(TRAINING_IGNORED, flag_values)
    notices += _remarks(values, flag_values)
    return TrainOptions(**values, notices=tuple(notices))


def define_evaluation_flags(flag_values=absl_flags.FLAGS):
    """Define every flag of eval_image_classifier.py, those of its predecessors included."""
    others = (*EVALUATION_DEAD, *EVALUATION_IGNORED)
    define(EvaluationOptions, EVALUATION_ALIASES, others, flag_values)


def evaluation_options(flag_values=absl_flags.FLAGS):
    """Turn the parsed command line into EvaluationOptions."""
    values, notices = typed_values(EvaluationOptions, EVALUATION_ALIASES, flag_values)
    notices += refuse_dead(EVALUATION_DEAD, flag_values)
    notices += mention_ignored(EVALUATION_IGNORED, flag_values)
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
    for field in fields.values():
        default = field.default if field.metadata['shown'] is None else field.metadata['shown']
        _define(field.name, base_type(field), default, field.metadata, flag_values)
    for alias in aliases:
        # No default of its own: an older default never applies unless it is typed.
        record = {'group': OLDER_NAMES, 'help': f'The same as --{alias.option}.'}
        _define(alias.name, base_type(fields[alias.option]), None, record, flag_values)
    for other in others:
        record = {'group': OLDER_NAMES, 'help': f'Without effect: {other.reason}.'}
        _define(other.name, type(other.default), other.default, record, flag_values)


def _define(name, kind, default, record, flag_values):
    definers = {
        bool: absl_flags.DEFINE_boolean,
        float: absl_flags.DEFINE_float,
        int: absl_flags.DEFINE_integer,
        str: absl_flags.DEFINE_string,
    }
    # The group takes the place of the module's name, so that --helpfull sorts by purpose.
    definers[kind](
        name, default, record['help'], flag_values=flag_values, module_name=record['group']
    )


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
        if source != alias.name and values[alias.option] != flag.value:
            raise UserError(
                f'--{source}={values[alias.option]} and --{alias.name}={flag.value} contradict '
                'each other: they mean the same, pass one of them'
            )
        values[alias.option] = flag.value
        notices.append(f'--{alias.name} is understood as --{alias.option}={flag.value}')
    return values, notices


def refuse_dead(dead_flags, flag_values):
    """Raise a UserError for a dead flag that asks for something; return no notices."""
    for dead in dead_flags:
        value = flag_values[dead.name].value
        if value != dead.default:
            raise UserError(
                f'--{dead.name}={value}: {dead.reason}; leave the flag out '
                f'(only its default, {dead.default}, is accepted)'
            )
    return []


def mention_ignored(ignored_flags, flag_values):
    """Return a line for each typed flag that has no effect."""
    return [
        f'--{ignored.name} has no effect: {ignored.reason}'
        for ignored in ignored_flags
        if flag_values[ignored.name].present
    ]


def parse(arguments, flag_values=absl_flags.FLAGS, takes_names=False):
    """Parse a command line for `absl.app.run(flags_parser=)`; --help is sorted by purpose.

    With `takes_names` what is no flag is left to the program, wherever it stands.
    """
    flag_values.set_gnu_getopt(takes_names)
    if any(argument in ('--help', '-help', '-h', '-?') for argument in arguments[1:]):
        print(grouped_help(flag_values, sys.modules['__main__'].__doc__))
        sys.exit(0)
    try:
        rest = flag_values(arguments)
    except absl_flags.Error as error:
        raise UserError(' '.join(str(error).split())) from None
    if len(rest) > 1 and not takes_names:
        raise UserError(
            f'unexpected argument {rest[1]!r}: every option is --name=value, '
            'and a switch is --name, --noname or --name=False'
        )
    return rest


def grouped_help(flag_values, introduction):
    """Return the help text: our flags by group, in the order in which they were defined."""
    lines = [introduction.strip() if introduction else '']
    for group, flags in flag_values.flags_by_module_dict().items():
        # absl's own flags are registered under module names, ours under headings.
        if group[:1].isupper() and group != OLDER_NAMES:
            lines += ['', f'{group}:', *(_help_line(flag) for flag in flags)]
    lines += ['', 'Names of older tools, and flags of absl: --helpfull']
    return '\n'.join(lines)


def _help_line(flag):
    name = f'[no]{flag.name}' if flag.boolean else flag.name
    default = '' if flag.default is None else f' (default: {flag.default!r})'
    text = absl_flags.text_wrap(flag.help + default, length=96, indent=' ' * 6)
    return f'  --{name}\n{text}'
