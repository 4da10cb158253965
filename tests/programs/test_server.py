"""`server.py` as people start it: with a real model, its exchange, and its end."""

import base64
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import uuid

import numpy as np
import pytest

from serving.model.model_options import ModelOptions
from serving.model.predictor import Predictor
from support.checkout import ROOT
from support.files import onnx_models, pictures, small_models
from support.network.server_process import ServerProcess


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Hold a graph that two other checkpoints may replace."""
    folder = tmp_path_factory.mktemp('server')
    for number in (0, 1):
        directory = small_models.train_dir(folder / f'train_{number}', seed=number)
        small_models.frozen(folder / f'flowers_{number}.pb', directory)
    small_models.train_dir(folder / 'bare', described=False)
    replace_model(folder, 0)
    return folder


def replace_model(folder, number):
    """Put another model where the server's lies, the description first."""
    for suffix in ('.json', '.pb'):
        data = (folder / f'flowers_{number}{suffix}').read_bytes()
        (folder / 'new').write_bytes(data)
        os.replace(folder / 'new', folder / f'flowers{suffix}')


@pytest.fixture(scope='module')
def server(folder):
    process = ServerProcess(folder, '--model_name=flowers.pb', '--reload_secs=0.2')
    yield process
    if process.process.poll() is None:
        process.process.kill()


@pytest.fixture(scope='module')
def expected(folder):
    """Return what each of the two models says of a normalised picture, asked directly."""
    with contextlib.ExitStack() as stack:
        models = [
            stack.enter_context(Predictor(ModelOptions(folder / f'flowers_{number}.pb')))
            for number in (0, 1)
        ]

        def ask(data, number=0):
            (outcome,) = models[number].predict([pictures.normalise(data).data])
            return outcome.probabilities

        yield ask


def wait_until(condition):
    """Wait for what another process is about to do."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, 'it has not happened'
        time.sleep(0.05)


def form(data):
    boundary = uuid.uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    body = head.encode() + data + f'\r\n--{boundary}--\r\n'.encode()
    return body, f'multipart/form-data; boundary={boundary}'


def scores(answer):
    found = {each['index']: each['probability'] for each in answer['results'][0]['predictions']}
    return [found[index] for index in range(len(found))]


def every_way(server, data):
    """Yield the probabilities that the server gives in each form of asking."""
    encoded = base64.b64encode(data).decode()
    for body, kind in (
        (data, 'image/jpeg'),
        form(data),
        (json.dumps({'image': encoded}), 'application/json'),
    ):
        status, answer = server.post('/api/classify?top=100', body, kind)
        assert status == 200, answer
        yield scores(answer)
    body = json.dumps({'instances': [{'b64': encoded}]})
    status, answer = server.post('/v1/models/flowers:predict', body, 'application/json')
    assert status == 200, answer
    yield answer['predictions'][0]['scores']


CHOSEN = ('baseline.jpg', 'turned 6.jpg', 'alpha.png', 'lossy.webp', 'still.gif', 'grey.bmp')


def test_every_way_of_asking_gives_the_models_own_probabilities(server, expected):
    seen = set()
    for name in CHOSEN:
        data = pictures.all_good()[name].data
        wanted = expected(data)
        for found in every_way(server, data):
            np.testing.assert_allclose(found, wanted, atol=1e-4)
        seen.add(tuple(np.round(wanted, 4)))
    assert len(seen) > 1  # A model that says the same of everything would prove nothing.


def test_the_model_is_exchanged_while_it_is_asked(server, folder, expected):
    data = pictures.all_good()['baseline.jpg'].data
    versions, failures, is_over = [], [], threading.Event()

    def ask():
        while not is_over.is_set():
            status, answer = server.post('/api/classify?top=100', data)
            version = answer.get('model', {}).get('version', 0)
            versions.append(version)
            if status != 200:
                failures.append(answer)
            elif not np.allclose(scores(answer), expected(data, version - 1), atol=1e-4):
                failures.append((version, answer))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: versions)
    replace_model(folder, 1)
    wait_until(lambda: 2 in versions or failures)
    is_over.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert server.get('/api/model')['version'] == 2
    with urllib.request.urlopen(f'http://127.0.0.1:{server.port}/metrics') as answer:
        assert 'classifier_model_version 2\n' in answer.read().decode()


def test_a_bad_file_keeps_the_old_model_and_says_so(server, folder):
    version = server.get('/api/model')['version']
    (folder / 'broken').write_bytes(b'no graph')
    os.replace(folder / 'broken', folder / 'flowers.pb')
    wait_until(lambda: 'KEPT' in server.logged())
    assert server.get('/api/model')['version'] == version
    status, _ = server.post('/api/classify', pictures.all_good()['baseline.jpg'].data)
    assert status == 200


def test_sigterm_answers_what_is_under_way_and_exits_with_0(server):
    data = pictures.all_good()['baseline.jpg'].data
    head = f'POST /api/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n'
    with socket.create_connection(('127.0.0.1', server.port), timeout=60) as connection:
        connection.sendall(head.encode() + data[:100])
        server.process.send_signal(signal.SIGTERM)
        connection.sendall(data[100:])
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert (answer.status, answer.headers['Connection']) == (200, 'close')
        assert json.loads(answer.read())['results']
    assert server.stop() == 0


def test_a_request_that_is_cut_at_the_end_is_named_and_the_status_is_1(folder, tmp_path):
    server = ServerProcess(tmp_path, f'--model_name={folder / "flowers_0.pb"}', '--drain_secs=0')
    with socket.create_connection(('127.0.0.1', server.port), timeout=60) as connection:
        head = b'POST /api/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n'
        connection.sendall(head)
        server.get('/api/model')  # It has come by now.
        assert server.stop() == 1
    assert 'CUT 127.0.0.1 POST /api/classify after' in server.logged()


def test_the_log_tells_of_requests_but_not_of_pictures(folder):
    log = (folder / 'server.log').read_text()
    assert '127.0.0.1 POST /api/classify 200' in log
    assert 'JPEG' in log
    assert 'Traceback' not in log


def test_sigterm_while_tensorflow_is_imported_ends_it_with_0(folder):
    command = [sys.executable, '-u', '-v', str(ROOT / 'server.py'), '--port=0']
    command += ['--model_name=flowers_0.pb']
    server = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    with server:
        for line in server.stderr:
            if line.startswith("import 'tensorflow.python.framework.dtypes'"):
                server.terminate()
                break
        else:
            pytest.fail('TensorFlow has not been imported')
        for line in server.stderr:
            assert "import 'serving.model.predictor'" not in line, 'it was imported to the end'
    assert server.returncode == 0


@pytest.mark.parametrize(
    ('flags', 'words'),
    [
        (['--model_name=missing.pb'], 'missing.pb'),
        (['--model_name=flowers_0.pb', '--rate_limit=-1'], '--rate_limit=-1'),
        (['--model_name=flowers_0.pb', '--reload_secs=-1'], '--reload_secs=-1'),
        pytest.param(
            ['--model_name=flowers_0.pb', '--network=vgg_16'],
            '--network=vgg_16 contradicts',
            marks=pytest.mark.soak,
        ),
        (
            ['--model_name=bare'],
            'bare: no model.json beside the checkpoint: name the network with --network',
        ),
        (['--model_name=flowers_0.pb', '--host=no.such.host.invalid'], '--host=no.such'),
    ],
)
def test_a_mistake_is_one_line(folder, flags, words):
    command = [sys.executable, str(ROOT / 'server.py'), '--port=0', *flags]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert words in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].startswith('error: ')
    assert 'Traceback' not in done.stderr


def test_an_onnx_model_is_served_and_replaced_without_tensorflow(
    missing_tensorflow, tmp_path, request
):
    model = onnx_models.write(tmp_path)
    server = ServerProcess(tmp_path, f'--model_name={model}', '--reload_secs=0.2')
    request.addfinalizer(server.process.kill)
    for name in ('alpha.png', 'baseline.jpg', 'lossy.webp'):
        status, answer = server.post('/api/classify', pictures.all_good()[name].data)
        assert (status, len(answer['results'])) == (200, 1)
    onnx_models.write(tmp_path, model=onnx_models.network(onnx_models.weights(seed=1)))
    wait_until(lambda: server.get('/api/model')['version'] == 2)
    status, _ = server.post('/api/classify', pictures.all_good()['baseline.jpg'].data)
    assert status == 200
    assert server.stop() == 0
    assert missing_tensorflow() == []
