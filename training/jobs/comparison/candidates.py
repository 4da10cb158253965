"""The networks to compare: the checkpoints on this machine, without TensorFlow."""

import dataclasses
import glob
import hashlib
import os

from classifiers import checkpoint_paths, model_info
from classifiers.published import released_archives
from common import checks, files
from common.errors import UserError
from nets import model_specs, released
from training.jobs import run_directory, starting_weights
from weights.published import offers, ports


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A network and its checkpoint; '' means random weights."""

    name: str
    network: str
    checkpoint: str = ''

    def key(self, records):
        """Return a hash of all that a result depends on; `records` is the hash of a data set."""
        parts = [self.name, self.network, records]
        if self.checkpoint:
            # An index lists the checksums of all tensors; model.json has the size of the pictures.
            described = model_info.path_beside(self.checkpoint)
            paths = [checkpoint_paths.files_of(self.checkpoint)[0], described]
            parts += [files.digest(path) for path in paths if os.path.exists(path)]
        return hashlib.sha256('\n'.join(parts).encode()).hexdigest()


def choose(names, directory, is_random):
    """List the Candidates of the names, or without names all that the directory has.

    A name is that of a network or of a release with a checkpoint in the directory, or the path of a
    checkpoint. With random weights, it is the name of a network.
    """
    if is_random:
        return [_random(name) for name in names or _no_names()]
    found = _all_in(directory)
    if not names:
        if not found:
            raise UserError(
                f'{directory}: contains no checkpoint of a known network; '
                'scripts/download_checkpoint.sh downloads released ones'
            )
        return found
    chosen = [each for name in names for each in _named(name, found, directory)]
    return list(dict.fromkeys(chosen))


def _no_names():
    raise UserError('--random: name the networks, mobilenet_v1 for example')


def _random(name):
    if name not in model_specs.MODELS:
        raise UserError(checks.unknown('network', name, model_specs.MODELS))
    return Candidate(f'{name} (random)', name)


def _all_in(directory):
    """List the checkpoints in a directory and in its subdirectories."""
    place = glob.escape(directory)
    paths = [path for depth in ('*', '*/*') for path in glob.glob(f'{place}/{depth}.ckpt*')]
    prefixes = sorted({checkpoint_paths.prefix_of(path) for path in paths})
    found = (_described(prefix) for prefix in prefixes if checkpoint_paths.files_of(prefix))
    return [candidate for candidate in found if candidate]


def _described(prefix):
    """Return the Candidate of a checkpoint whose network is known from its files, or None."""
    info, release = model_info.read_beside(prefix), released.by_checkpoint(prefix)
    if not (info or release):
        return None
    folder = os.path.basename(os.path.dirname(os.path.abspath(prefix)))
    # An imported checkpoint has the name of its network, which may be that of a release.
    is_imported = info and release and not info.weights_source.endswith(release.archive)
    is_release = release and not is_imported
    name = release.name if is_release else f'{folder}/{os.path.basename(prefix)}'
    return Candidate(name, info.model_name if info else release.network, prefix)


def _only_one_in(directory):
    """Return the path of the only checkpoint in a directory, or None."""
    names = filter(checkpoint_paths.is_checkpoint, checkpoint_paths.listed(directory))
    prefixes = {checkpoint_paths.prefix_of(name) for name in names}
    return os.path.join(directory, *prefixes) if len(prefixes) == 1 else None


def _named(name, found, directory):
    own = [each for each in found if name in (each.name, each.network)]
    if port := ports.find(name):
        path = released_archives.checkpoint(port, directory)
        own += [each for each in found if each.checkpoint == path and each not in own]
    if own:
        return own
    if os.path.isdir(name):
        name = run_directory.newest_checkpoint(name) or _only_one_in(name) or name
    if starting_weights.is_path(checkpoint_paths.prefix_of(name)):
        checkpoint_paths.require(name)
        candidate = _described(checkpoint_paths.prefix_of(name))
        if not candidate:
            raise UserError(f'{name}: no model.json beside it says what network it is')
        return [candidate]
    if name not in model_specs.MODELS and not offers.find(name):
        raise UserError(offers.unknown(name))
    raise UserError(
        f'{name}: no checkpoint of it in {directory}; '
        f'scripts/download_checkpoint.sh {name} downloads a released one'
    )
