"""The options of a frozen model: which engine runs it, in which number format."""

import dataclasses

from common.checks import OneOf
from common.options import Options, option

SPEED = 'Speed'


@dataclasses.dataclass(frozen=True, kw_only=True)
class EngineOptions(Options):
    """How a frozen model is run."""

    engine: str = option(
        SPEED,
        'auto',
        'What runs the network; auto takes ONNX Runtime if the model has an ONNX file.',
        OneOf(('auto', 'onnx', 'tensorflow')),
    )
    precision: str = option(
        SPEED,
        'float32',
        'Number format of the network; auto takes int8 (ONNX Runtime) or bfloat16 (TensorFlow) if '
        'it is faster and the classes agree.',
        OneOf(('float32', 'bfloat16', 'int8', 'auto')),
    )
