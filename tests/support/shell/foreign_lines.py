"""Lines of a program's output that other libraries wrote."""

import os
import re

_FOREIGN = re.compile(
    r'^[IWEF]\d{4} '  # absl.
    r'|^\d{4}-\d\d-\d\d \S+: [IWEF] '  # Older versions of TensorFlow.
    r'|All log messages before absl'
    r'|To enable the following instructions'
    r'|^INFO: '  # TensorFlow Lite.
    r'|^Instructions for updating'
    r'|(is|are) deprecated'
    r'|(Deprecation|Future|Runtime|User)Warning'
    r'|local_init_op|Graph was finalized'
)
_HIDING = ('TF_CPP_MIN_LOG_LEVEL', 'CUDA_VISIBLE_DEVICES')


def list_foreign(text):
    """List the lines of an output that are not ours."""
    return [line for line in re.split(r'[\r\n]', text) if _FOREIGN.search(line)]


def users_environment():
    """Return the environment without what the tests set to hide such lines."""
    return {name: value for name, value in os.environ.items() if name not in _HIDING}
