"""Strides: the dilation rates that can replace them, and padding that does not depend on them."""

import tensorflow.compat.v1 as tf

from common.errors import UserError


class Resolution:
    """Follow the stride of a network under construction, and turn what exceeds a target into rates.

    With dilation instead of a stride the weights keep their meaning and the feature map stays
    dense (Chen et al., arXiv:1606.00915, section 3.1). A target of None changes nothing.
    """

    def __init__(self, target):
        self._target = target
        self._stride = 1
        self._rate = 1

    def take(self, stride):
        """Return the stride and the rate for a layer that asks for `stride`."""
        if self._stride == self._target:
            rate = self._rate
            self._rate *= stride
            return 1, rate
        self._stride *= stride
        if self._target is not None and self._stride > self._target:
            self._fail()
        return stride, 1

    def check_reached(self):
        """Fail unless the layers so far came down to the target."""
        if self._target is not None and self._stride != self._target:
            self._fail()

    def _fail(self):
        raise UserError(
            'the target output_stride cannot be reached: the layers have to come to a stride of '
            f'{self._target}, and come to {self._stride}'
        )


def pad_for_kernel(inputs, kernel_size, rate=1):
    """Surround the images with the zeros that a convolution of stride 1 needs to keep their size.

    TensorFlow's 'SAME' pads less, and on the other side only, where a stride meets an even size.
    """
    sizes = kernel_size if isinstance(kernel_size, list | tuple) else (kernel_size, kernel_size)
    totals = [(size - 1) * rate for size in sizes]
    margins = [[total // 2, total - total // 2] for total in totals]
    return tf.pad(inputs, [[0, 0], *margins, [0, 0]])
