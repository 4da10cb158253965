"""Round the weights of 1x1 convolutions so that their errors compensate each other."""

import numpy as np
import onnx

from serving.quantization import onnx_graphs

_MOST_CHANNELS = 2048  # The memory grows with their square.
_DAMPING = 0.01  # Of the mean second moment.
_PREFIX = 'moments/'


def integers(model, quantized, largest, batches):
    """Return {weights: (scales, integers)} for the quantized 1x1 convolutions of a model.

    The sizes of the integers are at most `largest`.
    """
    constants, written = onnx_graphs.constants(model), onnx_graphs.constants(quantized)
    layers = [
        node
        for node in convolutions(model)
        if {_integers_name(node.input[1]), _scales_name(node.input[1])} <= written.keys()
    ]
    moments = _second_moments(model, sorted({node.input[0] for node in layers}), batches)
    found = {}
    for node in layers:
        weights = onnx.numpy_helper.to_array(constants[node.input[1]])
        scales = onnx.numpy_helper.to_array(written[_scales_name(node.input[1])])
        flat = weights[:, :, 0, 0]
        result = rounded(flat, scales, moments[node.input[0]], largest)
        found[node.input[1]] = (scales, result.reshape(weights.shape))
    return found


def convolutions(model):
    """List the 1x1 convolutions of a model whose weights can be rounded here."""
    constants = onnx_graphs.constants(model)
    found = []
    for node in onnx_graphs.layers(model)[:-1]:
        shape = constants[node.input[1]].dims
        is_whole = node.op_type == 'Conv' and onnx_graphs.groups(node) == 1
        is_1x1 = is_whole and list(shape[2:]) == [1, 1]
        if is_1x1 and shape[1] <= _MOST_CHANNELS and node.input[0] != model.graph.input[0].name:
            found.append(node)
    return found


def replace(quantized, found):
    """Replace the integers of a quantized model by those from `integers`.

    The quantizer can choose another scale when a bias changes. Such weights keep the quantizer's
    integers, because the others belong to the former scale.
    """
    written = onnx_graphs.constants(quantized)
    for name, (scales, values) in found.items():
        constant, used = written.get(_integers_name(name)), written.get(_scales_name(name))
        if constant and used and np.array_equal(onnx.numpy_helper.to_array(used), scales):
            constant.CopyFrom(onnx.numpy_helper.from_array(values, constant.name))


def rounded(weights, scales, moments, largest):
    """Round weights [outputs, inputs] to int8 with one scale for each output.

    `moments` are the sums of the products of each two inputs. The inputs are rounded one after
    another, and each error is compensated in the weights of the inputs that remain. Frantar et al.
    2022, "GPTQ", arXiv:2210.17323; the inputs with the largest moments come first.
    """
    order = np.argsort(-np.diag(moments), kind='stable')
    factor = _inverse_factor(moments[np.ix_(order, order)].astype(np.float64))
    remaining = (weights.T / scales)[order].astype(np.float64)
    result = np.empty(remaining.shape, np.int8)
    for i, row in enumerate(remaining):
        nearest = np.clip(np.round(row), -largest, largest)
        result[order[i]] = nearest
        error = (row - nearest) / factor[i, i]
        remaining[i + 1 :] -= np.outer(factor[i, i + 1 :], error)
    return np.ascontiguousarray(result.T)


def _inverse_factor(moments):
    """Return the upper Cholesky factor of the inverse of the damped moments."""
    diagonal = np.diag(moments).copy()
    # An input that is always zero has no effect.
    damped = np.where(diagonal == 0, 1, diagonal) + _DAMPING * diagonal.mean()
    np.fill_diagonal(moments, damped)
    return np.linalg.cholesky(np.linalg.inv(moments)).T


def _second_moments(model, names, batches):
    """Return {tensor: sum of the products of each two channels} over all positions.

    ONNX Runtime multiplies: NumPy's threads and ONNX Runtime's would wait for each other.
    """
    session = onnx_graphs.session(_multiplied(model, names))
    fed = session.get_inputs()[0].name
    sums = dict.fromkeys(names, 0.0)
    for batch in batches:
        for name, products in zip(names, session.run(None, {fed: batch}), strict=True):
            sums[name] = sums[name] + products
    return sums


def _multiplied(model, names):
    """Return a model whose outputs are the products of each two channels of the tensors."""
    changed, outputs = onnx_graphs.copy(model), []
    shape = f'{_PREFIX}shape'
    changed.graph.initializer.append(
        onnx.numpy_helper.from_array(np.array([0, -1], np.int64), shape)
    )
    for number, name in enumerate(names):
        steps = [f'{_PREFIX}{number}/{step}' for step in ('first', 'flat', 'turned', 'products')]
        first, flat, turned, products = steps
        changed.graph.node.extend(
            [
                onnx.helper.make_node('Transpose', [name], [first], perm=[1, 0, 2, 3]),
                onnx.helper.make_node('Reshape', [first, shape], [flat]),
                onnx.helper.make_node('Transpose', [flat], [turned], perm=[1, 0]),
                onnx.helper.make_node('MatMul', [flat, turned], [products]),
            ]
        )
        outputs.append(products)
    return onnx_graphs.with_outputs(changed, outputs)


def _integers_name(weights):
    return f'{weights}_quantized'


def _scales_name(weights):
    return f'{weights}_scale'
