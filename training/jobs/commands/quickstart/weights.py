"""The published weights, or the checkpoint, that quickstart.sh starts from."""

import dataclasses
import subprocess
import time

from common.errors import UserError
from training.jobs import log_files, settings, starting_weights
from training.jobs.commands import download_checkpoint
from training.jobs.starting_weights import Weights
from weights.published import offers

_NONE = 'none'
_USUAL = 'mobilenet_v1'
_PATIENCE_SECS = 15


@dataclasses.dataclass(frozen=True)
class Choice:
    """What the user asks for: published weights, or a checkpoint of a network, or neither."""

    typed: str = ''
    published: str = ''  # The name of published weights.
    checkpoint: Weights | None = None

    @classmethod
    def of(cls, options):
        """Return the Choice of the options; a name or path that cannot be meant is an error."""
        typed = options.weights or (_USUAL if options.images else _NONE)
        if options.model_name and not options.weights:
            raise UserError('--model_name: names the network of a checkpoint; pass --weights, too')
        if typed == _NONE:
            return cls(options.weights)
        if starting_weights.is_path(typed):
            found = starting_weights.at_path(typed, options.model_name, '--weights=')
            return cls(typed, checkpoint=found)
        if not offers.find(typed):
            raise UserError(f'--weights={typed}: {offers.unknown(typed, "checkpoint")}')
        return cls(options.weights, typed)

    def fetch(self, log, runner):
        """Return the Weights, downloaded if needed, and print what they are; None for none.

        Weights that the user did not ask for may be missing.
        """
        if not self.published:
            return self.checkpoint
        directory = settings.read().pretrained_dir
        began, took = time.monotonic(), ''
        if not offers.at_hand(offers.find(self.published), directory):
            why = self._download(directory, log, runner)
            if why and self.typed:
                raise UserError(f'--weights={self.typed}: {why}')
            if why:
                print(f'no released weights ({why}): training from random weights')
                return None
            took = f' ({time.monotonic() - began:.0f} s)'
        path, network = download_checkpoint.place(self.published, directory)
        print(f'weights: {path}{took}')
        return Weights(path, network)

    def _download(self, directory, log, runner):
        """Download the weights; return why that failed, or ''."""
        why = _unreachable(self.published, runner)
        if why:
            return why
        command = download_checkpoint.fetching(self.published, directory)
        with open(log, 'wb') as stream:
            process = runner.start(command, stdout=stream, stderr=subprocess.STDOUT)
            failed = runner.wait(process)
        if not failed:
            return ''
        return (log_files.complaint(log) or ['it failed'])[-1].removeprefix('error: ')


def _unreachable(name, runner):
    """Return why no place of these weights answers, or ''.

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
