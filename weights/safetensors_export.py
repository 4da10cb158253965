"""Write the weights of a classifier as one .safetensors file, under the names of the checkpoint.

The file's metadata has the content of model.json, so that the file alone is enough to import it
again.
"""

import os

import numpy as np
import safetensors
from safetensors.numpy import save_file

from classifiers import model_info
from common import errors, files
from common.errors import UserError
from weights import checkpoint_values
from weights.sources import DESCRIPTION


def write(path, info, checkpoint):
    """Write the weights of a checkpoint, completely or not at all; return lines for the user.

    They are read again and compared before the file appears.
    """
    values, lines = checkpoint_values.read(info, checkpoint)
    # The averages, if there are any, are in place of the variables.
    described = info.replace(moving_average_decay=None)
    metadata = {'format': 'tf', DESCRIPTION: model_info.as_text(described)}
    values = {name: np.ascontiguousarray(value) for name, value in values.items()}
    try:
        with files.part_directory(path) as hidden:
            part = os.path.join(hidden, os.path.basename(path))
            save_file(values, part, metadata)
            _compare(path, part, values, metadata)
            with open(part, 'rb') as stream:
                os.fsync(stream.fileno())
            os.replace(part, path)
        files.sync_directory(os.path.dirname(os.path.abspath(path)))
    except (OSError, safetensors.SafetensorError) as error:
        raise UserError(f'{path}: cannot be written ({errors.reason(error)})') from None
    size = os.path.getsize(path) / 1e6
    return [*lines, f'safetensors: {len(values)} variables, {size:.1f} MB, read again bit for bit']


def _compare(path, part, values, metadata):
    """Raise a UserError unless a file has exactly these values."""
    with safetensors.safe_open(part, framework='numpy') as found:
        same = found.metadata() == metadata and set(found.keys()) == values.keys()
        for name, value in values.items() if same else ():
            again = found.get_tensor(name)
            same = same and again.dtype == value.dtype and again.shape == value.shape
            same = same and again.tobytes() == value.tobytes()
    if not same:
        raise UserError(f'{path}: differs from the checkpoint, so it was not written')
