"""The weights that a user names for a training: a checkpoint on this machine, or published ones.

Nothing here needs more than Python's own library.
"""

import dataclasses
import os

from classifiers import checkpoint_paths, model_info
from common import checks
from common.errors import UserError
from nets import model_specs, released
from weights.published import ports


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


def is_path(typed):
    """Return whether the user means a path: it exists, or is not the name of published weights."""
    if os.path.exists(typed) or checkpoint_paths.files_of(typed):
        return True
    return os.sep in typed and not ports.find(typed)


def at_path(typed, model_name='', prefix=''):
    """Return the Weights at a path; errors about it begin with `prefix`.

    Their network is that of their model.json, of their file's name, or else `model_name`.
    """
    path = os.path.abspath(typed)
    try:
        checkpoint_paths.require(path)
    except UserError as error:
        raise UserError(f'{prefix}{error}') from None  # It begins with the path.
    info = model_info.read_beside(path)
    release = released.by_checkpoint(path)
    known = info.model_name if info else release.network if release else ''
    if model_name and known and model_name != known:
        raise UserError(f'--model_name={model_name}: {path} is of {known}')
    network = model_name or known
    if not network:
        raise UserError(
            f'{prefix}{path}: no model.json beside it; name its network with --model_name'
        )
    if network not in model_specs.MODELS:
        unknown = checks.unknown('network', network, model_specs.MODELS)
        raise UserError(f'--model_name={network}: {unknown}')
    return Weights(path, network)
