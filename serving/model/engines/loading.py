"""Load a model from a training directory, a checkpoint or a frozen graph."""

from classifiers import file_kinds, model_info
from common.errors import UserError
from serving.model.engines import checkpoint_model, graph_model


def load(options):
    """Load the model that `options.path` names."""
    _refuse_saved_model(options)
    if model_info.is_graph(options.path):
        return graph_model.load(options)
    _refuse_graph_flags(options)
    return checkpoint_model.load(options)


def _refuse_saved_model(options):
    if file_kinds.is_saved_model(options.path):
        raise UserError(f'{options.path}: a SavedModel; {file_kinds.SOURCE}')


def _refuse_graph_flags(options):
    """Refuse options that only apply to the nodes of a frozen graph."""
    for name in ('input_layer', 'output_layer', 'input_mean', 'input_std'):
        value = getattr(options, name)
        if value is not None:
            raise UserError(
                f'--{name}={value}: is for frozen graphs, and {options.path} is a checkpoint'
            )
    if options.height != options.width:
        raise UserError(
            f'--input_width={options.width} and --input_height={options.height}: '
            'networks built from a checkpoint take squares'
        )
