"""Pictures that cost much: memory is set aside before they are decoded, and time is kept."""

import concurrent.futures
import contextlib
import io
import struct
import threading
import types

import numpy as np
import pytest

from pictures import decode_cost, kinds
from pictures import gate as images
from serving.web import service, uploads
from serving.web.app import create_app
from serving.web.refusals import Refusal
from serving.web.server_options import AppConfig
from support.files import pictures
from support.network.fake_models import FakeHolder, FakePredictor

JPEG = pictures.encoded(pictures.as_image(np.zeros((300, 300, 3), np.uint8)), 'JPEG')
COST = images.examine(JPEG).memory_bytes
ONE_AT_A_TIME = 1.5 * COST / 2**20  # As --max_decode_mb.


def webp_of_one_colour(width, height):
    """Return a lossless WebP that says its colour once: 46 bytes, whatever the size."""
    small = pictures.encoded(
        pictures.as_image(np.zeros((8, 8, 4), np.uint8)), 'WEBP', lossless=True
    )
    sizes = struct.pack('<I', (width - 1) | (height - 1) << 14 | 1 << 28)
    return small[:21] + sizes + small[25:]


def webp_cost(side):
    """Return the memory that such a picture needs, in bytes."""
    return images.examine(webp_of_one_colour(side, side)).memory_bytes


def post(app, data=JPEG, address='127.0.0.1', path='/api/classify', count=1):
    """Return the answer to a form with a picture `count` times."""
    form = {'pictures': [(io.BytesIO(data), 'a.jpg') for _ in range(count)]}
    sender = {'REMOTE_ADDR': address}
    return app.test_client().post(path, data=form, environ_base=sender)


def test_a_small_file_of_many_pixels_is_refused_by_default(monkeypatch):
    monkeypatch.setattr(images, 'normalise', None)  # Nothing may be decoded.
    answer = post(create_app(FakeHolder(), AppConfig()), webp_of_one_colour(8000, 7990))
    assert answer.status_code == 413
    assert '25,000,000 pixels' in answer.json['error']['message']


@pytest.mark.parametrize('limit', [25.0, 64.0, 150.0])
def test_the_largest_picture_fits_into_the_memory_set_aside(limit):
    config = AppConfig(max_megapixels=limit)
    side = int(config.max_pixels**0.5)
    for kind in (kinds.JPEG, kinds.PNG, kinds.WEBP):
        for plain in (False, kind != kinds.WEBP):
            header = types.SimpleNamespace(width=side, height=side, plain=plain)
            assert decode_cost.in_bytes(kind, header) <= 7 / 8 * config.decode_bytes


def test_a_picture_that_needs_more_than_all_memory_is_refused():
    gate = uploads.Gate(AppConfig(max_decode_mb=1))
    with pytest.raises(Refusal) as refusal:
        gate.examine(webp_of_one_colour(300, 300))
    assert refusal.value.status == 413


@pytest.mark.parametrize(('times', 'is_refused'), [(1.1, True), (1.2, False)])
def test_a_picture_that_needs_the_reserve_for_small_ones_is_refused(times, is_refused):
    """It would wait until no small picture is held: among many clients, for ever."""
    gate = uploads.Gate(AppConfig(max_decode_mb=times * webp_cost(2000) / 2**20))
    with pytest.raises(Refusal) if is_refused else contextlib.nullcontext() as refusal:
        gate.examine(webp_of_one_colour(2000, 2000))
    assert not is_refused or (refusal.value.status, refusal.value.kind) == (413, 'pixels')


def test_pictures_wait_for_memory_and_none_is_refused():
    holder = FakeHolder()
    app = create_app(holder, AppConfig(max_decode_mb=ONE_AT_A_TIME))
    holder.predictor.gate.clear()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        asked = [pool.submit(post, app, address=f'127.0.0.{number}') for number in range(1, 5)]
        assert holder.predictor.entered.acquire(timeout=30)
        assert not holder.predictor.entered.acquire(timeout=0.05)  # The others wait outside.
        holder.predictor.gate.set()
        assert [future.result().status_code for future in asked] == [200] * 4


def test_a_picture_that_waits_for_memory_too_long_is_refused():
    gate = uploads.Gate(AppConfig(max_decode_mb=1))
    now = uploads.time.monotonic()
    with gate.memory(2**20, now + 60), pytest.raises(Refusal) as refusal:
        with gate.memory(1, now):
            pytest.fail('there was none')
    assert (refusal.value.status, refusal.value.kind) == (503, 'late')
    with gate.memory(2**20, now):  # And all is free again.
        pass


class Clock:
    """A time module whose clock goes on when it is told to."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


class SlowPredictor(FakePredictor):
    """Takes `seconds` of a clock for each run."""

    def __init__(self, clock, seconds):
        super().__init__()
        self._clock, self._seconds = clock, seconds

    def outcomes(self, pictures, timeout_secs=None, client=''):
        self._clock.now += self._seconds
        return super().outcomes(pictures, timeout_secs, client)


@pytest.fixture
def slow_app(monkeypatch):
    """Return an application whose model takes 40 of the 60 seconds that a request has."""
    clock = Clock()
    for module in (service, uploads):
        monkeypatch.setattr(module, 'time', clock)
    monkeypatch.setattr('serving.web.app._deadline', lambda: 1060.0)
    predictor = SlowPredictor(clock, 40)
    config = AppConfig(max_decode_mb=ONE_AT_A_TIME)
    return create_app(FakeHolder(predictor), config), predictor


def test_the_clock_is_looked_at_before_each_picture(slow_app):
    app, predictor = slow_app
    answer = post(app, count=5)
    assert answer.status_code == 200
    found = [result.get('error', {}).get('kind') for result in answer.json['results']]
    assert found == [None, None, 'late', 'late', 'late']
    assert len(predictor.pictures) == 2  # Nothing was done for the others.


def test_a_request_of_which_nothing_is_done_in_time_is_told_when_to_ask_again(slow_app):
    app, _ = slow_app
    post(app, count=2)
    answer = post(app, count=2)
    assert answer.status_code == 503
    assert (answer.json['error']['kind'], answer.headers['Retry-After']) == ('late', '5')


def test_no_preview_and_no_copy_is_made_after_the_deadline(slow_app, monkeypatch):
    app, _ = slow_app
    made = []
    monkeypatch.setattr(service, '_preview', lambda *_: made.append(1) or b'')
    answer = post(app, count=3, path='/')
    assert answer.status_code == 200
    assert len(made) == 1  # At 40 seconds; the second picture was classified at 80.


def test_previews_are_made_while_memory_is_held(monkeypatch):
    app = create_app(FakeHolder(), AppConfig(max_decode_mb=ONE_AT_A_TIME))
    held, gate_memory = [], uploads.Gate.memory

    def watched(self, size, *others):
        held.append(size)
        return gate_memory(self, size, *others)

    def preview(*_):
        free = app.extensions['classifier'].service._gate._memory.free
        assert free < 2**20 * ONE_AT_A_TIME - COST + 1
        return b'a preview'

    monkeypatch.setattr(uploads.Gate, 'memory', watched)
    monkeypatch.setattr(service, '_preview', preview)
    assert 'YSBwcmV2aWV3' in post(app, path='/').text
    assert held == [COST]


def test_one_address_does_not_take_every_place():
    holder = FakeHolder()
    holder.predictor.gate.clear()
    app = create_app(holder, AppConfig(max_requests=4))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        greedy = [pool.submit(post, app, address='127.0.0.2') for _ in range(4)]
        done, waiting = concurrent.futures.wait(greedy, 30, concurrent.futures.FIRST_COMPLETED)
        assert {future.result().status_code for future in done} == {503}
        modest = pool.submit(post, app, address='127.0.0.3')
        threading.Timer(0.1, holder.predictor.gate.set).start()
        assert modest.result().status_code == 200
        assert {future.result().status_code for future in waiting} <= {200, 503}
