"""Install the toolkit: `pip install .` (or `pip install -e .` to work on it)."""

from pathlib import Path

from setuptools import find_packages, setup

ROOMS = (
    'classifiers',
    'common',
    'datasets',
    'deployment',
    'nets',
    'pictures',
    'preprocessing',
    'serving',
    'training',
)

setup(
    name='slim-image-classifier',
    version='0.1.0',
    description="TF-Slim's image classifiers, trained, evaluated and served on today's TensorFlow",
    long_description=Path(__file__).with_name('README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10,<3.14',
    packages=find_packages(include=[*ROOMS, *(f'{room}.*' for room in ROOMS)]),
    package_data={'common': ['*.csv'], 'serving.web': ['static/*', 'templates/*']},
    install_requires=[
        'tensorflow>=2.21,<2.22',
        'tf-slim>=1.1,<1.2',
        'google-crc32c>=1.7,<2',
        'numpy>=2.0,<3',
        'absl-py>=2.0,<3',
        'pillow>=11.0,<14',
        'flask>=3.0,<4',
        'waitress>=3.0.2,<3.1',  # serving/web/transport overrides its internals.
        'tensorboard>=2.20,<2.22',
    ],
    extras_require={
        'gpu': ['tensorflow[and-cuda]>=2.21,<2.22'],
        'onnx': ['tf2onnx>=1.17,<2', 'onnxruntime>=1.20,<2'],
        'tflite': ['ai-edge-litert>=2.1,<3'],
        'dev': [
            'ipykernel>=6.29,<8',
            'nbclient>=0.10,<0.12',
            'onnxruntime>=1.20,<2',
            'pip-audit>=2.9,<3',
            'pytest>=8,<10',
            'pytest-xdist>=3.6,<4',
            'ruff>=0.17,<0.18',
            'schemathesis>=4.0,<5',
            'scikit-learn>=1.5,<2',
            'tf2onnx>=1.17,<2',
            'uv>=0.9,<1',
        ],
    },
)
