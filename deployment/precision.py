"""Choose a 16-bit floating-point type for a machine, and make TensorFlow use it."""

import glob
import os
import re
import sys

from common import processors, startup

# One of these exists where a driver for GPUs is loaded: NVIDIA's, the one of Windows in its
# subsystem for Linux, AMD's.
_DRIVERS = ('/dev/nvidia[0-9]*', '/proc/driver/nvidia', '/dev/dxg', '/dev/kfd')
# The values of CUDA_VISIBLE_DEVICES that begin with a GPU; CUDA ignores all after another word.
_NAMES_A_GPU = re.compile(r'\s*(\d|GPU-|MIG-)')


def choose(has_gpu, facts=None):
    """Return 'float16' on a GPU, 'bfloat16' on a CPU that supports it, otherwise None."""
    if has_gpu:
        return 'float16'
    return 'bfloat16' if processors.have('bfloat16', facts) else None


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


def has_gpu(drivers=_DRIVERS):
    """Return whether TensorFlow finds a GPU on this machine.

    Without a driver for GPUs the answer is no: TensorFlow is not imported to find that out.
    """
    if 'tensorflow' not in sys.modules and not _may_have_gpu(drivers):
        return False
    with startup.quiet(startup.FATAL):
        try:
            import tensorflow as tf
        except ImportError:
            return False
    return bool(tf.config.list_physical_devices('GPU'))


def _may_have_gpu(drivers):
    visible = os.environ.get('CUDA_VISIBLE_DEVICES')
    if visible is not None and not _NAMES_A_GPU.match(visible):
        return False
    return any(glob.glob(pattern) for pattern in drivers)
