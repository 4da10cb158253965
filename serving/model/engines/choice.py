"""Choose the library that runs a model, and load the model."""

import dataclasses
import importlib.util
import os

from classifiers import model_info
from classifiers.model_info import ModelInfo
from common import startup
from common.errors import UserError, one_line
from deployment import precision

# Options about the nodes of a graph, or about the preparation of its pixels.
_GRAPH_OPTIONS = ('input_layer', 'output_layer', 'input_mean', 'input_std')
# What to do if ONNX Runtime cannot run a model.
_LEAVE_OUT = 'leave that flag out'
_INSTALL = 'run scripts/setup_env.sh'
_FREEZE = 'name a model with an ONNX file, such as freeze_graph.py writes'
_FREEZE_INT8 = 'name a model with an ONNX file in int8, such as freeze_graph.py --int8 writes'


def load(model_options, options, is_reload=False):
    """Load a model and return its Engine; `options` are PredictorOptions.

    In a reload, an ONNX file that does not fit its description is an error: the new one may
    not be complete yet.
    """
    onnx = _find_onnx(model_options, options, is_reload)
    if onnx.files:
        from serving.model.engines.onnx_engine import OnnxEngine

        return OnnxEngine(model_options, options, onnx.stored, onnx.files, onnx.lines)
    _require_tensorflow(model_options.path, options, onnx)
    # Late: it takes seconds to import TensorFlow.
    with startup.quiet(startup.FATAL):
        from serving.model.engines.tensorflow_engine import TensorFlowEngine

    return TensorFlowEngine(model_options, options, (f'Using TensorFlow: {onnx.why_not}',))


@dataclasses.dataclass(frozen=True)
class _Onnx:
    """The ONNX files {precision: path} to use, or why there are none and what to do."""

    files: dict[str, str] = dataclasses.field(default_factory=dict)
    why_not: str = ''
    advice: str = ''
    stored: ModelInfo | None = None  # The description of the model.
    lines: tuple[str, ...] = ()  # For the log.


def _find_onnx(model_options, options, is_reload):
    path = os.fspath(model_options.path)
    if obstacle := _obstacle(path, model_options, options):
        return obstacle
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
        return _Onnx(why_not=reasons[0], advice=_other_model(options))
    if problem := _import_problem():
        return _Onnx(why_not=problem, advice=_INSTALL)
    may_choose = options.engine == 'auto' and options.precision != 'int8'
    if may_choose and not model_info.onnx_precision(path) and precision.has_gpu():
        return _Onnx(why_not='TensorFlow sees a GPU')
    return _Onnx(found, stored=stored, lines=tuple(_lines(path, found, reasons)))


def _obstacle(path, model_options, options):
    """Return why ONNX Runtime cannot run a model, whatever files it has; None if it can."""
    given = [name for name in _GRAPH_OPTIONS if getattr(model_options, name) is not None]
    if options.engine == 'tensorflow':
        return _Onnx(why_not='--engine=tensorflow was passed', advice=_LEAVE_OUT)
    if not model_info.is_graph(path):
        return _Onnx(why_not=f'{path} is not a frozen graph', advice=_other_model(options))
    if given:
        return _Onnx(why_not=f'--{given[0]} needs the graph', advice=_LEAVE_OUT)
    if options.precision == 'bfloat16':
        return _Onnx(why_not='--precision=bfloat16 needs TensorFlow', advice=_LEAVE_OUT)
    return None


def _other_model(options):
    return _FREEZE_INT8 if options.precision == 'int8' else _FREEZE


def _precisions(path, options):
    """List the precisions that may be used; a file in int8 that is named has no other."""
    if options.precision == 'int8' or model_info.onnx_precision(path) == 'int8':
        return ('int8',)
    return ('float32', 'int8') if options.precision == 'auto' else ('float32',)


def _is_stale(path, stored, kind):
    """Return whether the description lists an ONNX file, and another one has its name."""
    listed = stored is not None and kind in stored.onnx
    return listed and os.path.exists(model_info.onnx_path(path, kind))


def _import_problem():
    """Return why ONNX Runtime cannot be imported, or ''."""
    if not _is_installed('onnxruntime'):
        return 'onnxruntime is not installed'
    try:
        import onnxruntime  # noqa: F401
    except Exception as error:  # A damaged installation raises errors of many kinds.
        return f'onnxruntime cannot be imported ({one_line(error, 200)})'
    return ''


def _is_installed(package):
    return importlib.util.find_spec(package) is not None


def _lines(path, found, reasons):
    """Yield what was chosen and why, for the log."""
    first = next(iter(found))
    source = 'was named' if found[first] == path else 'was made from this graph'
    yield f'Using ONNX Runtime ({found[first]} {source})'
    for reason in reasons:
        yield f'Using {first}: {reason}'


def _require_tensorflow(path, options, onnx):
    """Raise a UserError if TensorFlow cannot run the model either."""
    if options.engine == 'onnx':
        raise UserError(f'--engine=onnx: {onnx.why_not}; {onnx.advice}')
    if options.precision == 'int8':
        raise UserError(f'--precision=int8: needs ONNX Runtime, but {onnx.why_not}; {onnx.advice}')
    if model_info.onnx_precision(path):
        raise UserError(
            f'{path}: an ONNX model needs ONNX Runtime, but {onnx.why_not}; {onnx.advice}, or '
            'name the frozen graph (.pb)'
        )
    if not _is_installed('tensorflow'):
        raise UserError(f'{path}: TensorFlow is not installed, and {onnx.why_not}; {onnx.advice}')
