"""The released weights, or the checkpoint, that quickstart.sh starts from."""

import dataclasses
import os
import subprocess
import time

from classifiers import checkpoint_paths, model_info
from classifiers.published import released_archives
from common import checks
from common.errors import UserError
from nets import model_specs, released
from training.jobs import log_files, settings
from training.jobs.commands import download_checkpoint

_NONE = 'none'
_USUAL = 'mobilenet_v1'
_PATIENCE_SECS = 15


@dataclasses.dataclass(frozen=True)
class Weights:
    """A checkpoint on this machine, and its network."""

    path: str
    network: str

    def stamp(self):
        """Return words that change when the files of the checkpoint are written again."""
        prefix = checkpoint_paths.prefix_of(self.path)
        paths = [self.path] if os.path.isdir(self.path) else checkpoint_paths.files_of(prefix)
        stats = [os.stat(path) for path in paths]
        return [f'{stat.st_size}.{stat.st_mtime_ns}' for stat in stats]


@dataclasses.dataclass(frozen=True)
class Choice:
    """What the user asks for: a release, or a checkpoint of a network, or neither of them."""

    typed: str = ''
    release: released.Release | None = None
    checkpoint: Weights | None = None

    @classmethod
    def of(cls, options):
        """Return the Choice of the options; a name or path that cannot be meant is an error."""
        typed = options.weights or (_USUAL if options.images else _NONE)
        if options.model_name and not options.weights:
            raise UserError('--model_name: names the network of a checkpoint; pass --weights, too')
        if typed == _NONE:
            return cls(options.weights)
        is_path = os.sep in typed or os.path.exists(typed) or checkpoint_paths.files_of(typed)
        if is_path:
            return cls(typed, checkpoint=_checkpoint(typed, options.model_name))
        release = released_archives.find_release(typed)
        if not release:
            known = released_archives.by_name()
            raise UserError(f'--weights={typed}: {checks.unknown("checkpoint", typed, known)}')
        return cls(options.weights, release)

    def fetch(self, log, runner):
        """Return the Weights, downloaded if needed, and print what they are; None for none.

        Weights that the user did not ask for may be missing.
        """
        if not self.release:
            return self.checkpoint
        directory = settings.read().pretrained_dir
        path = released_archives.checkpoint(self.release, directory)
        began = time.monotonic()
        if not released_archives.is_there(self.release, directory):
            why = self._download(directory, log, runner)
            if why and self.typed:
                raise UserError(f'--weights={self.typed}: {why}')
            if why:
                print(f'no released weights ({why}): training from random weights')
                return None
            print(f'weights: {path} ({time.monotonic() - began:.0f} s)')
        else:
            print(f'weights: {path}')
        return Weights(path, self.release.network)

    def _download(self, directory, log, runner):
        """Download the release; return why that failed, or ''."""
        name = self.release.name
        why = _unreachable(name, runner)
        if why:
            return why
        command = download_checkpoint.fetching(name, directory)
        with open(log, 'wb') as stream:
            process = runner.start(command, stdout=stream, stderr=subprocess.STDOUT)
            failed = runner.wait(process)
        if not failed:
            return ''
        return (log_files.complaint(log) or ['it failed'])[-1].removeprefix('error: ')


def _unreachable(name, runner):
    """Return why the place of a release does not answer, or ''.

    This is asked in a process of its own, because nothing else limits the time of finding a host.
    """
    command = download_checkpoint.asking(name)
    process = runner.start(command, stdout=subprocess.PIPE, text=True)
    try:
        answer, _ = process.communicate(timeout=_PATIENCE_SECS)
    except subprocess.TimeoutExpired:
        process.kill()
        answer = f'no answer within {_PATIENCE_SECS} s'
        process.communicate()
    runner.wait(process)
    return answer.strip()


def _checkpoint(path, model_name):
    """Return the Weights at a path.

    Their network is that of their model.json, of their file's name, or else of the flag.
    """
    path = os.path.abspath(path)
    try:
        checkpoint_paths.require(path)
    except UserError as error:
        raise UserError(f'--weights={error}') from None  # It begins with the path.
    info = model_info.read_beside(path)
    release = released.by_checkpoint(path)
    known = info.model_name if info else release.network if release else ''
    if model_name and known and model_name != known:
        raise UserError(f'--model_name={model_name}: {path} is of {known}')
    network = model_name or known
    if not network:
        raise UserError(
            f'--weights={path}: no model.json beside it; name its network with --model_name'
        )
    if network not in model_specs.MODELS:
        unknown = checks.unknown('network', network, model_specs.MODELS)
        raise UserError(f'--model_name={network}: {unknown}')
    return Weights(path, network)
