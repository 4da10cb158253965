"""Load a model from a training directory, a checkpoint or a frozen graph."""

import os

from classifiers import model_info
from common.errors import UserError
from serving.model import checkpoint_model, graph_model


def load(options):
    """Load the model that `options.path` names."""
    _check(options)
    if model_info.is_graph(options.path):
        return graph_model.load(options)
    _refuse_graph_flags(options)
    return checkpoint_model.load(options)


def _check(options):
    if os.path.isfile(os.path.join(options.path, 'saved_model.pb')):
        raise UserError(
            f'{options.path}: a SavedModel; name the training directory or the frozen graph (.pb) '
            'that it was made from'
        )
    for name in ('image_size', 'input_width', 'input_height'):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise UserError(f'--{name}={value}: at least 1 is valid')
    if (options.labels_offset or 0) < 0:
        raise UserError(f'--labels_offset={options.labels_offset}: at least 0 is valid')
    if options.input_std == 0:
        raise UserError('--input_std=0: pixels are divided by it, so it cannot be 0')
    if options.image_size:
        for name in ('input_width', 'input_height'):
            value = getattr(options, name)
            if value not in (None, options.image_size):
                raise UserError(
                    f'--{name}={value} contradicts --image_size={options.image_size}: pass one'
                )


def _refuse_graph_flags(options):
    """Refuse what only the nodes of a foreign graph have to be told."""
    for name in ('input_layer', 'output_layer', 'input_mean', 'input_std'):
        value = getattr(options, name)
        if value is not None:
            raise UserError(
                f'--{name}={value}: {options.path} is a checkpoint, whose graph is built here; '
                'the flag is for frozen graphs'
            )
    if options.height != options.width:
        raise UserError(
            f'--input_width={options.width} and --input_height={options.height}: '
            'networks built from a checkpoint take squares'
        )
