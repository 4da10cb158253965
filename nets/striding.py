"""Replace strides with dilation rates, and pad independently of strides."""

import tensorflow.compat.v1 as tf

from common.errors import UserError


class Resolution:
    """Track the total stride of a network, and convert strides beyond a target into dilation rates.

    With dilation instead of a stride, the weights remain valid and the feature map remains dense
    (Chen et al., arXiv:1606.00915, section 3.1). A target of None changes nothing.
    """

    def __init__(self, target):
        self._target = target
        self._stride = 1
        self._rate = 1

    def take(self, stride):
        """Return the stride and the rate for a layer with this `stride`."""
        if self._stride == self._target:
            rate = self._rate
            self._rate *= stride
            return 1, rate
        self._stride *= stride
        if self._target is not None and self._stride > self._target:
            self._fail()
        return stride, 1

    def check_reached(self):
        """Raise ValueError unless the total stride has reached the target."""
        if self._target is not None and self._stride != self._target:
            self._fail()

    def _fail(self):
        raise UserError(
            'the target output_stride cannot be reached: the total stride of the layers must be '
            f'{self._target}, but is {self._stride}'
        )


def pad_for_kernel(inputs, kernel_size, rate=1):
    """Pad the images with zeros as a convolution of stride 1 would.

    With a stride and an even size, TensorFlow's 'SAME' pads less, and only on one side.
    """
    sizes = kernel_size if isinstance(kernel_size, list | tuple) else (kernel_size, kernel_size)
    totals = [(size - 1) * rate for size in sizes]
    margins = [[total // 2, total - total // 2] for total in totals]
    return tf.pad(inputs, [[0, 0], *margins, [0, 0]])
