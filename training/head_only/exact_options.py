"""What --optimizer=lbfgs means for the other options. No TensorFlow: --help reads them."""

NAME = 'lbfgs'
# They say how the steps of another optimizer change the weights.
_OF_STEPS = (
    'learning_rate', 'learning_rate_decay_type', 'learning_rate_decay_factor',
    'num_epochs_per_decay', 'end_learning_rate', 'warmup_epochs', 'opt_epsilon', 'momentum',
    'rmsprop_momentum', 'rmsprop_decay', 'adam_beta1', 'adam_beta2', 'adadelta_rho',
    'adagrad_initial_accumulator_value', 'ftrl_learning_rate_power',
    'ftrl_initial_accumulator_value', 'ftrl_l1', 'ftrl_l2', 'gradient_clip_norm',
)  # fmt: skip
_REFUSED = {
    **dict.fromkeys(_OF_STEPS, 'has no steps that this could change'),
    'label_smoothing': 'fits the labels as they are',
    'moving_average_decay': 'has no steps to average',
}
# Commands for other optimizers have these, and the fit is what their users expect without them.
_UNUSED = (
    'max_number_of_steps', 'num_epochs', 'batch_size', 'augmentation', 'weight_decay',
    'batch_norm_decay', 'mixed_precision', 'update_frozen_batch_norm', 'early_stopping_patience',
    'save_interval_secs', 'save_interval_steps', 'keep_checkpoints', 'log_every_n_steps',
    'save_summaries_secs', 'save_summaries_steps', 'sync_replicas', 'replicas_to_aggregate',
)  # fmt: skip


def is_exact(options):
    """Return whether these TrainOptions ask for an exact fit of the last layers."""
    return options.optimizer == NAME


def check(options, given=()):
    """Raise an error for an option that contradicts an exact fit, if the options ask for one.

    So does a `given` one that has its default value.
    """
    if not is_exact(options):
        return
    for name, fault in _faults(options, given):
        raise options.mistake(name, fault)
    if options.cache.passes > 1:
        raise options.cache.mistake(
            'cache_features',
            f'--optimizer={NAME} fits to one pass over the pictures as they are; pass 1',
        )


def _faults(options, given):
    """Yield (option, what is wrong with it)."""
    for name, why in _REFUSED.items():
        default = type(options).__dataclass_fields__[name].default
        if name in given or getattr(options, name) != default:
            yield name, f'--optimizer={NAME} {why}; leave it out'
    if options.num_clones > 1:
        yield 'num_clones', f'--optimizer={NAME} works with one clone'
    if options.cluster.job_name or options.cluster.worker_hosts or options.cluster.ps_hosts:
        yield 'optimizer', SINGLE_PROCESS


SINGLE_PROCESS = 'works only in a single process, without workers and parameter servers'


def remarks(options, given):
    """Yield a line about the given options that have no effect on an exact fit."""
    unused = [f'--{name}' for name in _UNUSED if name in given]
    if unused and is_exact(options):
        yield f'--optimizer={NAME} is one fit without steps; not used: {", ".join(unused)}'
