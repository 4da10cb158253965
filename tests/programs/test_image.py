"""The image of deploy/Dockerfile: its steps make what serves a model, and need nothing else."""

import os
import subprocess
import sys

import pytest

from support.checkout import ROOT
from support.files import onnx_models, pictures
from support.network.server_process import ServerProcess
from support.shell.dockerfile import Dockerfile, Image

DOCKERFILE = Dockerfile(ROOT / 'deploy/Dockerfile')
PHOTO = pictures.all_good()['baseline.jpg'].data


def serve_and_stop(image, folder):
    """Start a container's server with a model, use it, and stop it as Docker does."""
    os.mkdir(image.root / 'model')
    onnx_models.write(image.root / 'model', 'flowers')
    before = image.files()
    server = ServerProcess(
        folder,
        '--host=127.0.0.1',
        command=image.command('--model_name=flowers.onnx'),
        directory=image.workdir,
    )
    try:
        status, answer = server.post('/api/classify', PHOTO)
        assert (status, answer['model']['name']) == (200, 'flowers')
        assert answer['results'][0]['predictions'][0]['label'] in onnx_models.CLASSES
        assert image.check_health(server.port) == 0
    finally:
        status = server.stop()
    assert (status, 'all requests are answered' in server.logged()) == (0, True)
    assert 'Using ONNX Runtime' in server.logged()
    assert image.check_health(server.port) != 0
    # The root file system of a container may be read-only.
    assert image.files() == before


@pytest.fixture
def no_home(tmp_path, monkeypatch):
    """Start programs without a home, and as in a container, where Python may compile modules."""
    monkeypatch.setenv('HOME', str(tmp_path / 'no home'))
    monkeypatch.delenv('PYTHONDONTWRITEBYTECODE', raising=False)


def test_the_copied_files_are_enough_to_serve_a_model(no_home, missing_tensorflow, tmp_path):
    image = Image(DOCKERFILE, tmp_path / 'root', sys.executable)
    image.build(with_packages=False)
    serve_and_stop(image, tmp_path)
    assert missing_tensorflow() == []


@pytest.mark.soak
def test_the_image_serves_a_model_in_a_fresh_environment(no_home, monkeypatch, tmp_path):
    """Needs a package index."""
    monkeypatch.delenv('PYTHONPATH', raising=False)
    venv = tmp_path / 'venv'
    subprocess.run([sys.executable, '-m', 'venv', venv], check=True)
    image = Image(DOCKERFILE, tmp_path / 'root', venv / 'bin/python')
    image.build(with_packages=True)
    subprocess.run([image.python, '-m', 'pip', 'check'], check=True)
    absent = subprocess.run([image.python, '-c', 'import tensorflow'], capture_output=True)
    assert absent.returncode == 1
    serve_and_stop(image, tmp_path)
