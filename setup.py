"""Install the toolkit: `pip install .` (or `pip install -e .` to work on it).

pyproject.toml describes the package; this file serves tools that look for a setup.py.
"""

from setuptools import setup

setup()
