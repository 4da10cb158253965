"""Train the network that env_set.sh names in the background."""

import glob
import os

from common.errors import UserError
from training.jobs import arguments, background, programs, recipes, settings

PROGRAM = 'train_image_classifier.py'
_LOG = 'output.log'
# The convolutions of the auxiliary head do not depend on the classes, so they are kept.
_HEADS = {'inception_v4': 'InceptionV4/Logits,InceptionV4/AuxLogits/Aux_logits'}
# A step on cached features takes milliseconds; without an end, the log would fill the disk.
_EPOCHS = 100
_CACHE = '--cache_features=1'
_ABOUT_CACHE = (
    'the features of each picture are computed once, then the last layers train on them '
    '(not with --nocache_features); the log says how long this takes'
)
_ENDS = ('max_number_of_steps', 'max_steps', 'num_epochs')
# With these the features may change in every step.
_NOT_CACHED = (
    'trainable_scopes', 'augmentation', 'update_frozen_batch_norm', 'job_name', 'ps_hosts',
    'worker_hosts', 'master', 'sync_replicas',
)  # fmt: skip


def main(call):
    """Start the training, and propose the evaluation."""
    call.answer_help(PROGRAM)
    known = settings.read()
    train_dir = arguments.value(call.arguments, 'train_dir', known.train_dir)
    chosen = flags(known, call.arguments)
    command = programs.command(PROGRAM, *chosen, *call.arguments)
    if _CACHE in chosen:
        print(_ABOUT_CACHE)
    stop = str(programs.SCRIPTS / 'stop_train.sh')
    background.start(train_dir, _LOG, stop, ['nohup', *command], environment=known.environment)
    call.propose(known.following(call.arguments), 'run_eval.sh')


def flags(known, typed):
    """Return the flags of a training with these settings; the user's flags come after them."""
    return [
        *known.data_flags,
        f'--model_name={known.model_name}',
        f'--train_dir={known.train_dir}',
        *_steps(typed),
        *_starting_weights(known, typed),
        *_cache(known, typed),
    ]


def _steps(typed):
    """Return the flags of optimizer and learning rate; an exact fit has no steps."""
    if _is_exact(typed):
        return []
    return [
        '--learning_rate=0.001',
        '--learning_rate_decay_factor=0.76',
        '--num_epochs_per_decay=50',
        '--moving_average_decay=0.9999',
        *recipes.optimizer(typed),
    ]


def _is_exact(typed):
    return arguments.value(typed, 'optimizer') == recipes.EXACT


def _starting_weights(known, typed):
    """Return the flags that train only the last layers of released weights, if any are given."""
    path = arguments.value(typed, 'checkpoint_path', known.checkpoint_path)
    if not path:
        return []
    train_dir = arguments.value(typed, 'train_dir', known.train_dir)
    # A run that resumes reads its own checkpoint.
    resumes = os.path.exists(os.path.join(train_dir, 'checkpoint'))
    if not resumes and not glob.glob(f'{glob.escape(path)}*'):
        raise UserError(
            f'CHECKPOINT_PATH={path}: no such checkpoint; '
            f'{programs.SCRIPTS}/download_checkpoint.sh downloads released ones, and an empty '
            'CHECKPOINT_PATH trains from random weights'
        )
    scopes = _HEADS.get(arguments.value(typed, 'model_name', known.model_name), 'head')
    return [*recipes.new_head(known.checkpoint_path, scopes), '--ignore_missing_vars=True']


def _cache(known, typed):
    """Return the flags that compute the features of the frozen layers once."""
    if not arguments.value(typed, 'checkpoint_path', known.checkpoint_path):
        return []
    if arguments.has(typed, 'nocache_features') or _is_exact(typed):
        return []
    is_typed = arguments.has(typed, 'cache_features')
    changing = arguments.has(typed, *_NOT_CACHED) or 'TF_CONFIG' in os.environ
    if changing and not is_typed:
        return []
    return [
        *([] if is_typed else [_CACHE]),
        *([] if arguments.has(typed, *_ENDS) else [f'--num_epochs={_EPOCHS}']),
    ]
