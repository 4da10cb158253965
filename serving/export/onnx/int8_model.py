"""Quantize an ONNX model to 8-bit integers, and accept the result only if it is as good."""

import dataclasses
import os
import time

import tensorflow.compat.v1 as tf

from common import processors
from common.errors import UserError
from common.progress import Progress
from common.text import listed
from serving.export.onnx import quantization_pictures
from serving.quantization import (
    agreement,
    calibration,
    layer_errors,
    onnx_graphs,
    quantizer,
    rounding,
)

# These stay float32, because all others work with their results, and they cost almost no time.
_FIRST_LAYERS = 2
_MORE_FLOAT_LAYERS = (0, 1, 2, 6, 14)  # In each attempt: the most sensitive of the others.
_MOST_FLOAT_LAYERS = 1 / 5  # Of all layers; MobileNet v1 with 8 of 28 is no faster than float32.
_NAMED = 3
_CANDIDATES = 16  # Layers of which the effect on the result is measured.
_ERROR_PICTURES = 64
_TRIAL_PICTURES = 16


class Int8RefusedError(UserError):
    """The quantized model differs too much from the float32 model."""


@dataclasses.dataclass(frozen=True)
class _Quantization:
    """What all attempts to quantize a model need."""

    model: object
    ranges: object
    reduce_range: bool
    output: str
    integers: dict = dataclasses.field(default_factory=dict)  # From `rounding`.
    errors: dict = dataclasses.field(default_factory=dict)  # Layer -> LayerError.

    def rounded(self, batches):
        """Return a copy with the integers of the 1x1 convolutions."""
        largest = quantizer.largest_weight(self.reduce_range)
        integers = rounding.integers(self.model, self.without([]), largest, batches)
        return dataclasses.replace(self, integers=integers)

    def measured(self, batches):
        """Return a copy with the error of each layer."""
        errors = layer_errors.measure(self.model, self.without([]), batches)
        return dataclasses.replace(self, errors=errors)

    def without(self, float_layers):
        """Return the quantized model in which these layers stay float32."""
        model = layer_errors.corrected(self.model, self.errors, float_layers)
        return quantizer.quantized(
            model, self.ranges, float_layers, self.reduce_range, self.integers
        )

    def labels(self):
        """Return {layer: its name for people} of the layers that can be quantized."""
        found = onnx_graphs.layers(self.model)[:-1]
        return {node.name: onnx_graphs.label(node) for node in found}

    def worst(self):
        """List the layers, those with the largest errors first."""
        return sorted(self.errors, key=lambda name: self.errors[name].relative, reverse=True)


def make(path, data, info, dataset, max_drop):
    """Return the bytes of the int8 model for `path`, made from those of the float32 model.

    `dataset` is (name, directory). Raise an Int8RefusedError if the result is not good enough.
    """
    started = time.monotonic()
    chosen = quantization_pictures.choose(*dataset, info)
    model = quantizer.inferred(data)
    if len(onnx_graphs.layers(model)) < 2:
        raise Int8RefusedError(f'{path} is not written: the network has fewer than two layers')
    if onnx_graphs.batch_size(model):
        raise Int8RefusedError(
            f'{path} is not written: the graph has a fixed batch size; export it without'
            ' --batch_size'
        )
    reduce_range = not processors.have('vnni')
    tf.logging.info('%s: %s', os.path.basename(path), _rule(reduce_range))
    with Progress(len(chosen[0]), 'calibrating for int8', 'pictures') as progress:
        ranges = calibration.tensor_ranges(model, chosen[0].batches(progress))
    quantization = _Quantization(model, ranges, reduce_range, _result(info))
    sample = chosen[0].fewer(_ERROR_PICTURES)
    if rounding.convolutions(model):
        with Progress(len(sample), 'rounding the weights', 'pictures') as progress:
            quantization = quantization.rounded(sample.batches(progress))
    with Progress(len(sample), 'measuring the error of each layer', 'pictures') as progress:
        quantization = quantization.measured(sample.batches(progress))
    found, line = _best(path, quantization, *chosen, max_drop)
    tf.logging.info('%s; %.0f seconds', line, time.monotonic() - started)
    return found


def _rule(reduce_range):
    if reduce_range:
        return 'weights have 7 bits (reduce_range), because this processor has no VNNI'
    return (
        'weights have 8 bits, because this processor has VNNI; the model is less accurate on a'
        ' processor without VNNI: quantize for it on such a processor'
    )


def _result(info):
    return info.tensor('logits') or info.tensor('probabilities')


def _best(path, quantization, training, held_out, max_drop):
    """Return (bytes of the first acceptable model, line about it)."""
    labels = quantization.labels()
    first = min(_FIRST_LAYERS, len(labels) // 2)
    most = max(first, int(_MOST_FLOAT_LAYERS * len(labels)))
    output = quantization.output
    float32 = _predictions(quantization.model, output, held_out, 'float32')
    order = list(labels)[:first]
    for count in (first + more for more in _MORE_FLOAT_LAYERS if first + more <= most):
        if count > len(order):
            order += _sensitive(quantization, training.fewer(_TRIAL_PICTURES), order)
        kept = order[:count]
        model = quantization.without(kept).SerializeToString()
        int8 = _predictions(model, output, held_out, 'int8')
        result = agreement.Agreement(float32, int8, held_out.description, max_drop)
        names = listed([labels[name] for name in kept]) or 'none'
        line = f'{os.path.basename(path)}: {result.line()}; layers left float32: {names}'
        if not result.faults():
            return model, line + _known(quantization.model, model, held_out)
        tf.logging.info('%s: not good enough', line)
    raise Int8RefusedError(
        f'{path} is not written: {result.line()}, but {" and ".join(result.faults())}; the layers'
        f' with the largest errors: {_worst(quantization, labels)}'
    )


def _predictions(model, output, held_out, precision):
    with Progress(len(held_out), f'checking {precision}', 'pictures') as progress:
        return agreement.predict(model, output, held_out.labelled_batches(progress))


def _known(float32, int8, held_out):
    """Return a part of the line: how many pictures both models take for known, if they have limits.

    Features from 8-bit layers differ, and so do the scores that are computed from them in float32.
    """
    if not onnx_graphs.verdict_nodes(float32):
        return ''
    float32, int8 = (
        onnx_graphs.run(model, 'is_known:0', held_out.batches()).mean() for model in (float32, int8)
    )
    return (
        f'; {100 * int8:.1f}% of the pictures are taken for known (float32: {100 * float32:.1f}%)'
    )


def _worst(quantization, labels):
    errors = quantization.errors
    names = quantization.worst()[:_NAMED]
    return listed([f'{labels[name]} ({100 * errors[name].relative:.2g}%)' for name in names])


def _sensitive(quantization, trial, kept):
    """List layers by how small the error of the result is if one more of them stays float32."""
    pictures = list(trial.batches())
    candidates = [name for name in quantization.worst() if name not in kept][:_CANDIDATES]
    expected = onnx_graphs.run(quantization.model, quantization.output, pictures)
    remaining = {}
    with Progress(len(candidates), 'finding layers to leave float32', 'layers') as progress:
        for name in candidates:
            model = quantization.without([*kept, name])
            found = onnx_graphs.run(model, quantization.output, pictures)
            remaining[name] = layer_errors.output_error(expected, found)
            progress.advance()
    return sorted(remaining, key=remaining.get)
