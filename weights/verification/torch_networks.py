"""The networks of timm and torchvision, with the weights of a file.

They run in a process of their own: PyTorch and TensorFlow in one process take twice the memory, and
torchvision crashes if TensorFlow is loaded before it. Nothing of PyTorch is imported here.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

from common.errors import UserError

# Isolated (-I), so that no module comes from the working directory; then our own path is set.
_START = (
    'import json, sys; request = json.loads(sys.stdin.read()); sys.path[:] = request["path"]; '
    'from weights.verification import torch_process; torch_process.run(request)'
)


def missing(layout):
    """Return why the network of a layout cannot be built, or ''."""
    packages = [package for package, _ in layout.built_by]
    if not packages:
        return f'no package is known that builds {layout.name}'
    if any(importlib.util.find_spec(package) for package in packages):
        return ''
    return f'install {" or ".join(packages)}, which builds the network to compare with'


def logits(path, layout, info, pixels, use_averages=True):
    """Return the logits of uint8 pixels [count, size, size, channels]."""
    packages = [pair for pair in layout.built_by if importlib.util.find_spec(pair[0])]
    with tempfile.TemporaryDirectory() as directory:
        request = {
            'path': sys.path,
            'file': os.path.abspath(path),
            'network': info.model_name,
            'use_averages': use_averages,
            'classes': info.num_classes,
            'build': packages[0],
            'mean': layout.normalisation.mean,
            'deviation': layout.normalisation.deviation,
            'is_bgr': layout.normalisation.is_bgr,
            'pixels': os.path.join(directory, 'pixels.npy'),
            'logits': os.path.join(directory, 'logits.npy'),
        }
        np.save(request['pixels'], pixels)
        done = subprocess.run(
            [sys.executable, '-I', '-c', _START],
            input=json.dumps(request),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:] or [f'exit status {done.returncode}']
            package, network = packages[0]
            raise UserError(f'--verify: {path}: {network} of {package} fails: {last[0]}')
        return np.load(request['logits'])
