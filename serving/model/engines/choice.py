"""Choose the library that runs a model, and load the model."""

import dataclasses
import importlib.util
import os

from classifiers import model_info
from classifiers.model_info import ModelInfo
from common import startup
from common.errors import UserError
from deployment import precision

# Options about the nodes of a graph, or about the preparation of its pixels.
_GRAPH_OPTIONS = ('input_layer', 'output_layer', 'input_mean', 'input_std')


def load(model_options, options, is_reload=False):
    """Load a model and return its Engine; `options` are PredictorOptions.

    In a reload, an ONNX file that does not fit its description is an error: the new one may
    not be complete yet.
    """
    onnx = _find_onnx(model_options, options, is_reload)
    if onnx.files:
        from serving.model.engines.onnx_engine import OnnxEngine

        return OnnxEngine(model_options, options, onnx.stored, onnx.files, onnx.lines)
    _require_tensorflow(model_options.path, options, onnx.why_not)
    # Late: it takes seconds to import TensorFlow.
    with startup.quiet(startup.FATAL):
        from serving.model.engines.tensorflow_engine import TensorFlowEngine

    return TensorFlowEngine(model_options, options, (f'Using TensorFlow: {onnx.why_not}',))


@dataclasses.dataclass(frozen=True)
class _Onnx:
    """The ONNX files {precision: path} to use, or why there are none."""

    files: dict[str, str] = dataclasses.field(default_factory=dict)
    why_not: str = ''
    stored: ModelInfo | None = None  # The description of the model.
    lines: tuple[str, ...] = ()  # For the log.


def _find_onnx(model_options, options, is_reload):
    path = os.fspath(model_options.path)
    if why_not := _obstacle(path, model_options, options):
        return _Onnx(why_not=why_not)
    stored = model_info.read_beside(path)
    found, reasons = {}, []
    for kind in _precisions(path, options):
        file, reason = model_info.find_onnx(path, stored, kind)
        if file:
            found[kind] = file
            continue
        reasons.append(reason)
        if is_reload and _is_stale(path, stored, kind):
            raise UserError(reason)
    if not found:
        return _Onnx(why_not=reasons[0])
    is_open = options.engine == 'auto' and options.precision != 'int8'
    if is_open and not model_info.onnx_precision(path) and precision.has_gpu():
        return _Onnx(why_not='TensorFlow sees a GPU')
    return _Onnx(found, '', stored, tuple(_lines(path, found, reasons)))


def _obstacle(path, model_options, options):
    """Return why ONNX Runtime cannot run a model, whatever files it has; '' if it can."""
    given = [name for name in _GRAPH_OPTIONS if getattr(model_options, name) is not None]
    if options.engine == 'tensorflow':
        return '--engine=tensorflow was passed'
    if not model_info.is_graph(path):
        return f'{path} is not a frozen graph'
    if given:
        return f'--{given[0]} needs the graph'
    if options.precision == 'bfloat16':
        return 'only TensorFlow computes in bfloat16'
    return '' if _is_installed('onnxruntime') else 'onnxruntime is not installed'


def _precisions(path, options):
    """List the precisions that may be used; an ONNX file that is named has only its own."""
    named = model_info.onnx_precision(path)
    if named == 'int8' or options.precision == 'int8':
        return ('int8',)
    return ('float32', 'int8') if options.precision == 'auto' else ('float32',)


def _is_stale(path, stored, kind):
    """Return whether the description lists an ONNX file, and another one has its name."""
    listed = stored is not None and kind in stored.onnx
    return listed and os.path.exists(model_info.stem(path) + model_info.ONNX_ENDINGS[kind])


def _is_installed(package):
    return importlib.util.find_spec(package) is not None


def _lines(path, found, reasons):
    """Yield what was chosen and why, for the log."""
    named = model_info.onnx_precision(path)
    source = 'was named' if named else 'was made from this graph'
    yield f'Using ONNX Runtime ({next(iter(found.values()))} {source})'
    for reason in reasons:
        yield f'Using {next(iter(found))}: {reason}'


def _require_tensorflow(path, options, why_not):
    """Raise a UserError if TensorFlow cannot run a model either; `why_not` is about ONNX."""
    if options.engine == 'onnx':
        raise UserError(f'--engine=onnx: {why_not}; freeze_graph.py writes an ONNX file')
    if options.precision == 'int8':
        raise UserError(
            f'--precision=int8: needs ONNX Runtime, but {why_not}; freeze_graph.py --int8 writes '
            'an ONNX file in int8'
        )
    if model_info.onnx_precision(path):
        raise UserError(
            f'{path}: an ONNX model needs ONNX Runtime, but {why_not}; name the frozen graph (.pb)'
        )
    if not _is_installed('tensorflow'):
        raise UserError(
            f'{path}: TensorFlow is not installed, and {why_not}; name a model with an ONNX file, '
            'such as freeze_graph.py writes'
        )
