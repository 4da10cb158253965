"""Server and classify_image.py load only what requirements-serve.txt installs: no TensorFlow."""

import importlib.metadata
import json
import re
import subprocess
import sys

from support.checkout import ROOT
from support.imports import modules

PROGRAMS = ('server', 'classify_image')
ROOMS = ('serving.model', 'serving.terminal', 'serving.web')
# These belong to the engine that is TensorFlow.
OF_TENSORFLOW = {
    'serving.model.engines.checkpoint_model',
    'serving.model.engines.graph_model',
    'serving.model.engines.loaded_model',
    'serving.model.engines.pixel_inputs',
    'serving.model.engines.runner',
    'serving.model.engines.tensorflow_engine',
}
_IMPORT = """
import importlib, json, sys
before = set(sys.modules)
for module in sys.argv[1:]:
    importlib.import_module(module)
print(json.dumps(sorted({name.partition('.')[0] for name in set(sys.modules) - before})))
"""


def foreign_packages(names):
    """Return the names of the distributions that importing these modules loads."""
    done = subprocess.run(
        [sys.executable, '-c', _IMPORT, *names], cwd=ROOT, capture_output=True, check=True
    )
    packages = importlib.metadata.packages_distributions()
    loaded = set(json.loads(done.stdout)) - sys.stdlib_module_names
    return {normalised(name) for package in loaded for name in packages.get(package, ())}


def normalised(distribution):
    return re.sub('[-_.]+', '-', distribution).lower()


def installed_for_serving():
    lines = (ROOT / 'requirements-serve.txt').read_text(encoding='utf-8').splitlines()
    return {line.partition('==')[0] for line in lines if '==' in line}


def test_serving_loads_only_what_its_environment_has():
    assert modules().keys() >= OF_TENSORFLOW
    names = [name for name in modules() if name.startswith(ROOMS) and name not in OF_TENSORFLOW]
    loaded = foreign_packages([*PROGRAMS, *names])
    assert {'flask', 'numpy', 'pillow'} <= loaded
    assert loaded - installed_for_serving() == set()
