"""Choose a 16-bit floating-point type for a machine, and make TensorFlow use it."""

import tensorflow.compat.v1 as tf

_CPU_FACTS = '/proc/cpuinfo'


def choose(has_gpu, facts=None):
    """Return 'float16' on a GPU, 'bfloat16' on a CPU that supports it, otherwise None."""
    if has_gpu:
        return 'float16'
    flags = _processor_flags() if facts is None else facts
    return 'bfloat16' if flags & {'avx512_bf16', 'amx_bf16'} else None


def _processor_flags():
    try:
        with open(_CPU_FACTS, encoding='ascii', errors='replace') as stream:
            lines = [line for line in stream if line.startswith('flags')]
    except OSError:
        return set()
    return set(lines[0].split()) if lines else set()


def rewrite(config, kind):
    """Make a session compute in `kind` where this is safe; variables remain float32.

    float16 also needs `optimizers.loss_scaled`; bfloat16 has the range of float32 and does not.
    """
    options = config.graph_options.rewrite_options
    if kind == 'float16':
        options.auto_mixed_precision = options.ON
    elif kind == 'bfloat16':
        options.auto_mixed_precision_onednn_bfloat16 = options.ON
    return config


def has_gpu():
    """Return whether TensorFlow finds a GPU on this machine."""
    return bool(tf.config.experimental.list_physical_devices('GPU'))
