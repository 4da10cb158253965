"""Read the settings of scripts/env_set.sh, and propose the next command."""

import dataclasses
import os
import shlex
import subprocess
from collections.abc import Mapping

from classifiers import checkpoint_paths
from classifiers.published import released_archives
from common.errors import UserError
from training.jobs import arguments as arguments_of
from training.jobs import programs
from weights.published import offers

# What the file prints goes to standard error: standard output has the variables only.
# (set -a: a variable counts even if the file does not export it.)
_LINES = r"""
set -eua
source "$1" >&2
for name in $(compgen -e); do printf '%s=%s\0' "$name" "${!name-}"; done
"""
_TRAINING = ('DATASET_NAME', 'DATASET_DIR', 'MODEL_NAME', 'TRAIN_DIR', 'EVAL_DIR', 'EXPORT_DIR')
_SERVING = ('MODEL_NAME', 'EXPORT_DIR', 'UPLOAD_DIR')
# The settings that each script reads, in the order of env_set.sh: later ones derive from earlier.
_READ_BY = {
    'classify.sh': _SERVING,
    'export_freeze.sh': _TRAINING,
    'finetune.sh': ('DATASET_DIR', 'CHECKPOINT_PATH'),
    'run_eval.sh': _TRAINING,
    'run_train.sh': (
        'DATASET_NAME', 'DATASET_DIR', 'MODEL_NAME', 'PRETRAINED_DIR', 'CHECKPOINT_PATH',
        'TRAIN_DIR',
    ),
    'server.sh': _SERVING,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Settings:
    """The values of env_set.sh, and the environment for the programs."""

    dataset_name: str
    dataset_dir: str
    model_name: str
    pretrained_dir: str
    checkpoint_path: str
    train_dir: str
    eval_dir: str
    export_dir: str
    upload_dir: str
    environment: Mapping[str, str]

    @property
    def frozen_graph(self):
        """Return the path of the graph that export_freeze.sh writes and others read."""
        return f'{self.export_dir.removesuffix("/")}/my_{self.model_name}_freeze.pb'

    @property
    def frozen_model(self):
        """Return the path of the frozen graph, or of its ONNX file where only that exists."""
        onnx = f'{self.frozen_graph.removesuffix(".pb")}.onnx'
        has_only_onnx = os.path.exists(onnx) and not os.path.exists(self.frozen_graph)
        return onnx if has_only_onnx else self.frozen_graph

    @property
    def data_flags(self):
        """Return the flags that name the data set to any program."""
        return [f'--dataset_name={self.dataset_name}', f'--dataset_dir={self.dataset_dir}']

    def following(self, arguments):
        """Return the settings, replaced by the values that the arguments give."""
        given = {
            _variable(name): arguments_of.value(arguments, name, getattr(self, name))
            for name in _FLAGS
        }
        known = {**self.environment, **given}
        if 'EVAL_DIR' not in os.environ:  # It belongs to the training's directory.
            known.pop('EVAL_DIR', None)
            known['EVAL_DIR'] = _source(known).get('EVAL_DIR', '')
        return _settings(known)


_NAMES = tuple(field.name for field in dataclasses.fields(Settings) if field.name != 'environment')
_FLAGS = ('dataset_name', 'dataset_dir', 'model_name', 'train_dir')


def _variable(name):
    return name.upper()


def read(**variables):
    """Return the Settings that env_set.sh makes in this process's environment with `variables`."""
    return _settings(_source({**os.environ, **variables}))


def _settings(environment):
    values = {name: environment.get(_variable(name), '') for name in _NAMES}
    values['checkpoint_path'] = _downloaded(**values) or values['checkpoint_path']
    return Settings(**values, environment=environment)


def _downloaded(checkpoint_path, pretrained_dir, model_name, **_):
    """Return the downloaded checkpoint of the network if env_set.sh's own path is not one, or ''.

    Other releases of a network, and weights of other programs, have folders of other names.
    """
    usual = f'{pretrained_dir}/{model_name}/{model_name}.ckpt'
    if checkpoint_path != usual or checkpoint_paths.files_of(usual):
        return ''
    found = offers.at_hand(offers.find(model_name), pretrained_dir) if model_name else None
    return released_archives.checkpoint(found, pretrained_dir) if found else ''


def _source(environment):
    """Return the environment after env_set.sh."""
    path = str(programs.SCRIPTS / 'env_set.sh')
    done = subprocess.run(
        ['bash', '-c', _LINES, 'bash', path],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    if done.returncode:
        raise UserError(f'{path}: cannot be read (see above)')
    lines = (line.partition('=') for line in os.fsdecode(done.stdout).split('\0') if line)
    return {**environment, **{name: value for name, _, value in lines}}


def next_command(script, settings, name, *arguments):
    """Return the line that proposes the script `name`, beside `script`, with its settings.

    A setting that env_set.sh would make by itself is left out.
    """
    names = _READ_BY[name]
    known = {key: value for key, value in settings.environment.items() if key not in names}
    words = []
    for variable in names:
        value = settings.environment.get(variable, '')
        if _source(known).get(variable, '') != value:
            known[variable] = value
            words.append(f'{variable}={shlex.quote(value)}')
    path = os.path.join(os.path.dirname(script) or os.curdir, name)
    return ' '.join(['next:', *words, shlex.join([path, *arguments])])
