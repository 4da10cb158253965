"""Device functions that place the operations and variables of a clone."""

import tensorflow.compat.v1 as tf

_VARIABLES = frozenset({'AutoReloadVariable', 'VarHandleOp', 'Variable', 'VariableV2'})
_SUMMARIES = frozenset(
    {'AudioSummary', 'HistogramSummary', 'ImageSummary', 'ScalarSummary', 'TensorSummaryV2'}
)


class RoundRobin:
    """A function for `tf.device` that distributes variables over the tasks of a job in turn."""

    def __init__(self, device, num_tasks):
        self._device = device
        self._num_tasks = num_tasks
        self._next = 0

    def __call__(self, op):
        if op.type in _VARIABLES:
            task = self._next
            self._next = (task + 1) % self._num_tasks
            return merged(f'{self._device}/task:{task}', op.device)
        return _device_of_variable(op) or op.device


def beside_variables(device, variables_device):
    """Return a function for `tf.device` that puts all but variables on `device`.

    Summaries go to the CPU of `device`.
    """
    others = summaries_on_cpu(device)

    def place(op):
        if op.type in _VARIABLES:
            if callable(variables_device):
                return variables_device(op)
            return merged(variables_device, op.device)
        return _device_of_variable(op) or others(op)

    return place


def summaries_on_cpu(device):
    """Return a function for `tf.device`: summaries to the CPU, all other operations to `device`.

    Summaries are strings, which only a CPU can make.
    """
    cpu = tf.DeviceSpec.from_string(device).replace(device_type='CPU', device_index=0).to_string()

    def place(op):
        return cpu if op.type in _SUMMARIES else merged(device, op.device)

    return place


def merged(default, device):
    """Complete the parts that `device` leaves out with those of `default`."""
    parse = tf.DeviceSpec.from_string
    return parse(default).make_merged_spec(parse(device or '')).to_string()


def _device_of_variable(op):
    """Return the device of the variable that an operation reads or writes through its handle.

    A handle cannot be copied to another device, so the operation must be on the variable's device.
    """
    for tensor in op.inputs:
        if tensor.dtype == tf.resource and tensor.op.type == 'VarHandleOp':
            return tensor.op.device
    return ''
