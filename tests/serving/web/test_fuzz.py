"""Changed pictures and requests: refused or answered, never an error of the server."""

import base64
import concurrent.futures
import json
import logging
import random
import time

import pytest
import tensorflow.compat.v1 as tf

from pictures import gate, kinds
from preprocessing import decoding
from serving.model.model_options import ModelOptions
from serving.model.predictor import Predictor
from serving.web.server_options import AppConfig, ListenOptions
from serving.web.service import OnlyModel
from support.files import pictures, small_models
from support.files.mutations import mutated
from support.network.fake_models import FakeHolder, FakePredictor
from support.network.live_servers import answer_of, running

GOOD = [
    good.data for good in pictures.all_good().values() if kinds.kind_of(good.data) != kinds.TIFF
]
BY_KIND = [
    [data for data in GOOD if kinds.kind_of(data) == kind]
    for kind in (
        kinds.JPEG, kinds.PNG, kinds.WEBP, kinds.GIF, kinds.BMP,
    )
]  # fmt: skip
MOST_PIXELS = 10**6
DEADLINE_SECS = 5.0
BOUNDARY = 'b' * 20


def changed_picture(seed):
    """Return a changed picture of one of five kinds, in turn."""
    kind = BY_KIND[seed % len(BY_KIND)]
    return mutated(seed, kind[seed // len(BY_KIND) % len(kind)], GOOD)


def counted(default, soak):
    """Return two test cases: a small count that always runs, and the full one."""
    return [default, pytest.param(soak, marks=pytest.mark.soak)]


@pytest.mark.parametrize('count', counted(200, 10_000))
def test_changed_pictures_pass_gate_and_graph_or_are_refused(count):
    passed = 0
    with tf.Graph().as_default(), tf.Session() as session:
        encoded = tf.placeholder(tf.string, [])
        decode = session.make_callable(decoding.decode_image(encoded), [encoded])
        for seed in range(count):
            try:
                found = pictures.normalise(changed_picture(seed), max_pixels=MOST_PIXELS)
            except gate.BadImage:
                continue
            # What the gate has read to its end, the graph reads, too.
            assert decode(found.data).shape == (found.height, found.width, 3), seed
            passed += 1
    assert count / 20 < passed < count


def bodies(seed, data):
    """Return (body, its type) of a picture as a form, as JSON in two shapes, or as it is."""
    encoded = base64.b64encode(data).decode()
    head = 'Content-Disposition: form-data; name="pictures"; filename="a.jpg"\r\n\r\n'
    form = f'--{BOUNDARY}\r\n{head}'.encode() + data + f'\r\n--{BOUNDARY}--\r\n'.encode()
    found = (
        (form, f'multipart/form-data; boundary={BOUNDARY}'),
        (json.dumps({'images': [{'b64': encoded, 'name': 'a'}], 'top': 2}).encode(), 'json'),
        (json.dumps({'instances': [{'b64': encoded}]}).encode(), 'json'),
        (data, 'image/jpeg'),
    )
    body, kind = found[seed % len(found)]
    return body, 'application/json' if kind == 'json' else kind


def request(seed):
    """Return the bytes of a request whose picture, body or header is changed."""
    generator = random.Random(seed)
    changes = generator.choices(('picture', 'body', 'header'), (4, 5, 1))[0]
    data = changed_picture(seed) if changes == 'picture' else generator.choice(GOOD)
    body, kind = bodies(seed, data)
    if changes == 'body':
        body = mutated(seed, body, (b'{"', b'[[[', b'\\ud800', b'\r\n--', *GOOD[:2]))
    path = ('/api/classify', '/api/classify', '/v1/models/model:predict', '/')[seed % 4]
    head = (
        f'POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n'
        f'Content-Length: {len(body)}\r\n\r\n'
    ).encode()
    return (mutated(seed, head) if changes == 'header' else head) + body


def status_of(live, seed):
    """Return (status, seconds) of the answer to a request; the status is 0 without one."""
    began = time.monotonic()
    with live.connect() as connection:
        try:
            connection.sendall(request(seed))
            answer = answer_of(connection)
        except (TimeoutError, ConnectionError):
            answer = None
    return answer[0] if answer else 0, time.monotonic() - began


@pytest.fixture
def errors():
    """Collect what the server logs as an error."""
    handler, found = logging.Handler(logging.ERROR), []
    handler.emit = lambda record: found.append(record.getMessage())
    logs = [logging.getLogger(name) for name in ('serving', 'waitress')]
    for log in logs:
        log.addHandler(handler)
    yield found
    for log in logs:
        log.removeHandler(handler)


def attack(holder, count):
    """Return the list of (status, seconds) of so many requests, by a few clients at a time."""
    config = AppConfig(max_megapixels=MOST_PIXELS / 1e6, deadline_secs=DEADLINE_SECS)
    with running(holder, config, ListenOptions(threads=16)) as live:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda seed: status_of(live, seed), range(count)))
        assert live.ask('POST', '/api/classify', GOOD[0])[0] == 200
    return found


def check(found, errors):
    """Fail if there was an error of the server."""
    statuses = [status for status, _ in found]
    assert errors == []
    assert [status for status in statuses if status >= 500 and status != 503] == []
    assert {200, 400, 415} <= set(statuses)


def test_changed_requests_never_break_the_server(errors):
    check(attack(FakeHolder(FakePredictor(refuses_damaged=True)), 80), errors)


@pytest.mark.soak
def test_3000_changed_requests_are_answered_in_time_by_a_real_model(errors, tmp_path):
    directory = small_models.train_dir(tmp_path / 'train')
    path = small_models.frozen(tmp_path / 'model.pb', directory)
    with Predictor(ModelOptions(path=path)) as predictor:
        found = attack(OnlyModel(predictor), 3000)
    check(found, errors)
    assert max(seconds for _, seconds in found) < 2 * DEADLINE_SECS
