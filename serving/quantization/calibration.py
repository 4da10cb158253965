"""Find the range of every tensor of a model on pictures."""

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationMethod
from onnxruntime.quantization.calibrate import TensorData, TensorsData

from serving.quantization import onnx_graphs


def tensor_ranges(model, batches):
    """Return the smallest and the largest value of each float32 tensor, for the quantizer.

    onnxruntime's calibrators for histograms keep all tensors of all pictures in memory. Here the
    model itself computes both numbers, and the memory is that of one batch.
    """
    names = onnx_graphs.float_tensors(model)
    session = onnx_graphs.session(_observed(model, names))
    fed = session.get_inputs()[0].name
    low, high = np.full(len(names), np.inf), np.full(len(names), -np.inf)
    for batch in batches:
        found = np.array(session.run(None, {fed: batch}))
        if not np.isfinite(found).all():
            raise ValueError('the network computes numbers that are not finite on these pictures')
        low = np.minimum(low, found[: len(names)])
        high = np.maximum(high, found[len(names) :])
    ranges = {
        name: TensorData(lowest=np.float32(a), highest=np.float32(b))
        for name, a, b in zip(names, low, high, strict=True)
    }
    return TensorsData(CalibrationMethod.MinMax, ranges)


def _observed(model, names):
    """Return a model whose outputs are the minimum of each tensor, then the maximum of each."""
    observed = onnx_graphs.copy(model)
    nodes = [
        onnx.helper.make_node(kind, [name], [f'{kind}:{number}'], keepdims=0)
        for kind in ('ReduceMin', 'ReduceMax')
        for number, name in enumerate(names)
    ]
    observed.graph.node.extend(nodes)
    outputs = [onnx_graphs.float_output(node.output[0], []) for node in nodes]
    onnx_graphs.set_fields(observed.graph, output=outputs)
    return observed
