"""Hostile uploads are refused for what they are, and what follows them is served."""

import io
import os
import random
import struct
import tempfile
import time
import tracemalloc

import numpy as np
import pytest

from common.errors import UserError
from serving.web import uploads
from serving.web.app import create_app
from serving.web.server_options import AppConfig
from serving.web.upload_store import FOLDER, UploadStore
from support.files import pictures
from support.network.fake_models import FakeHolder, FakePredictor

JPEG = pictures.jpegs()['baseline.jpg'].data
HUGE_PNG = pictures.bad_files()['bomb.png'][0]
HTML = b'<!doctype html><script>alert(1)</script>'
BOUNDARY = 'b' * 20


def part(name='pictures', filename='a.jpg', data=JPEG, extra=b''):
    """Return one part of a multipart body, as its letters say."""
    head = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        head += f'; filename="{filename}"'
    return (
        b'--'
        + BOUNDARY.encode()
        + b'\r\n'
        + head.encode('utf-8', 'surrogatepass')
        + b'\r\n'
        + (extra + b'\r\n' + data + b'\r\n')
    )


def multipart(*parts, end=True):
    """Return the request of a multipart body."""
    body = b''.join(parts) + (f'--{BOUNDARY}--\r\n'.encode() if end else b'')
    return {'data': body, 'content_type': f'multipart/form-data; boundary={BOUNDARY}'}


def raw(data, kind='image/jpeg'):
    return {'data': data, 'content_type': kind}


def json(data):
    return {'data': data, 'content_type': 'application/json'}


def large_dimensions(name):
    return raw(pictures.bad_files()[name][0])


REFUSED = {
    'nothing': (raw(b''), 400),
    'text': (raw(b'just text'), 415),
    'html called jpeg': (raw(HTML), 415),
    'svg': (raw(b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'), 415),
    'tiff': (raw(pictures.others()['raw.tif'].data), 415),
    'zip': (raw(b'PK\3\4' + bytes(500)), 415),
    'executable': (raw(b'\x7fELF' + bytes(500)), 415),
    'gzip': (raw(b'\x1f\x8b' + bytes(500)), 415),
    'png with html in it': (raw(b'\x89PNG\r\n\x1a\n' + HTML), 400),
    'gif with a script': (raw(b'GIF89a=1;' + HTML), 400),
    'bmp with a script': (raw(b'BM' + HTML * 3), 413),
    'jpeg of nothing but a start': (raw(b'\xff\xd8\xff\xe0'), 400),
    'jpeg of noise': (raw(b'\xff\xd8\xff' + random.Random(0).randbytes(5000)), 400),
    'huge png': (raw(HUGE_PNG), 413),
    'huge bmp': (large_dimensions('bomb.bmp'), 413),
    'huge gif': (large_dimensions('bomb.gif'), 413),
    'huge webp': (large_dimensions('bomb.webp'), 413),
    'many scans': (large_dimensions('many scans.jpg'), 400),
    'a file over the limit': (raw(JPEG + bytes(2**20)), 413),
    'a body over the limit': (raw(bytes(3 * 2**20)), 413),
    '10,000 parts': (multipart(*[part(filename=None, data=b'x')] * 10_000), 413),
    '10,000 files': (multipart(*[part(data=b'')] * 10_000), 413),
    'too many files': (multipart(*[part()] * 20), 413),
    'a long field': (multipart(part(filename=None, data=b'x' * 2**18)), 413),
    'no part': (multipart(), 400),
    'no file': (multipart(part(filename=None, data=b'x')), 400),
    'an unchosen file': (multipart(part(filename='', data=b'')), 400),
    'no boundary': ({'data': b'x', 'content_type': 'multipart/form-data'}, 400),
    'an empty boundary': ({'data': b'x', 'content_type': 'multipart/form-data; boundary='}, 400),
    'an odd boundary': ({'data': b'x', 'content_type': 'multipart/form-data; boundary=\x01'}, 400),
    'an unfinished body': (multipart(b'--' + BOUNDARY.encode() + b'\r\nConte', end=False), 400),
    'a long header of a part': (multipart(part(extra=b'X-A: ' + b'a' * 200_000 + b'\r\n')), 413),
    'json of nothing': (json(b'{}'), 400),
    'no json': (json(b'{'), 400),
    'json that is a list': (json(b'[]'), 400),
    'json that is null': (json(b'null'), 400),
    'nested json': (json(b'[' * 100_000), 413),
    'nested json under the limit': (json(b'[' * 4_000), 400),
    'json of many': (json(b'{"images":[' + b'"",' * 100_000 + b'""]}'), 413),
    'a long number': (json(b'{"image": ' + b'9' * 100_000 + b'}'), 400),
    'not base64': (json(b'{"image": "%%%"}'), 400),
    'base64 of text': (json(b'{"image": "aGVsbG8gd29ybGQ="}'), 415),
    'a number for a picture': (json(b'{"image": 5}'), 400),
    'a list for a picture': (json(b'{"images": [["a"]]}'), 400),
    'a number for a name': (json(b'{"images": [{"b64": "AAAA", "name": 5}]}'), 400),
    'broken unicode': (json(b'{"image": "\xff"}'), 400),
    'half a letter': (json(b'{"images": [{"b64": "AAAA", "name": "\\ud800"}]}'), 415),
    'json in another encoding': ({'data': b'\xff\xfe{', 'content_type': 'application/json'}, 400),
    'a compressed body': ({**raw(JPEG), 'headers': {'Content-Encoding': 'gzip'}}, 415),
}


@pytest.fixture(scope='module', params=[True, False], ids=['graph judges', 'gate judges'])
def app(request):
    holder = FakeHolder(FakePredictor(refuses_damaged=request.param))
    return create_app(holder, AppConfig(max_body_mb=2.5, max_picture_mb=1))


@pytest.mark.parametrize('path', ['/api/classify', '/'])
@pytest.mark.parametrize('case', REFUSED)
def test_hostile_requests_are_refused_and_the_next_is_served(app, case, path):
    request, expected = REFUSED[case]
    client = app.test_client()
    answer = client.post(path, **request)
    if path == '/' and not request.get('content_type', '').startswith('multipart'):
        assert 400 <= answer.status_code < 500  # The form knows one kind of body.
    else:
        assert answer.status_code == expected, answer.text
    if path == '/api/classify':
        assert answer.json['error']['message']
        assert answer.json['error']['status'] == answer.status_code
    assert client.post(path, **multipart(part())).status_code == 200


@pytest.mark.parametrize('kind', ['baseline.jpg', 'progressive.jpg', 'turned 6.jpg'])
def test_every_truncation_of_a_jpeg_is_refused(app, kind):
    data = pictures.jpegs()[kind].data
    client = app.test_client()
    for number in range(50):
        cut = len(data) * number // 50
        answer = client.post('/api/classify', **raw(data[:cut]))
        assert 400 <= answer.status_code < 500, (cut, answer.text)
    assert client.post('/api/classify', **raw(data)).status_code == 200


@pytest.mark.parametrize('number', range(6))
def test_damaged_pictures_never_break_the_server(app, number):
    generator = random.Random(number)
    client = app.test_client()
    for good in list(pictures.all_good().values())[number::6]:
        data = bytearray(good.data)
        for _ in range(5):
            data[generator.randrange(len(data))] = generator.randrange(256)
        assert client.post('/api/classify', **raw(bytes(data))).status_code in (200, 400, 413, 415)


@pytest.mark.parametrize('name', list(pictures.all_good()))
def test_every_allowed_kind_is_taken(app, name):
    answer = app.test_client().post('/api/classify', **raw(pictures.all_good()[name].data))
    assert answer.status_code == (415 if name.endswith('.tif') else 200)


@pytest.mark.parametrize(
    ('name', 'shown'),
    [
        ('a.jpg', 'a.jpg'),
        ('../../etc/passwd', 'passwd'),
        ('..\\..\\windows\\win.ini', 'win.ini'),
        ('C:\\fakepath\\a.jpg', 'a.jpg'),
        ('/dev/zero', 'zero'),
        ('CON', 'CON'),
        ('nul.jpg', 'nul.jpg'),
        ('a\0b.jpg', 'a\\x00b.jpg'),
        ('a\r\nSet-Cookie: x', 'a\\r\\nSet-Cookie: x'),
        ('\u202egpj.exe', '\\u202egpj.exe'),
        ('꽃 花 ü.jpg', '꽃 花 ü.jpg'),
        ('\ud800.jpg', '?.jpg'),
        ('x' * 5000, 'x' * 120),
        (None, ''),
        ('', ''),
        ('..', '..'),
    ],
)
def test_names_are_only_shown(name, shown):
    assert uploads.clean_name(name) == shown


@pytest.mark.parametrize(
    'name', ['../x.jpg', '\u202e.jpg', '꽃.jpg', '"><img src=x>', 'a\0b', 'C:\\a']
)
def test_odd_names_come_through_a_form(app, name):
    answer = app.test_client().post('/api/classify', **multipart(part(filename=name)))
    assert answer.status_code == 200
    assert '/' not in answer.json['results'][0]['name']


@pytest.mark.parametrize('kind', ['JPEG', 'PNG'])
def test_photographs_of_usual_size_come_through_a_form(kind):
    # The parser of forms reads in pieces, and what a piece ends with decides what it holds back.
    app = create_app(FakeHolder(), AppConfig())
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), np.uint8)
    photograph = pictures.encoded(pictures.as_image(noise), kind)
    assert len(photograph) > 500_000
    for shift in range(8):
        sent = multipart(part(data=photograph, filename='a' * shift + '.jpg'))
        answer = app.test_client().post('/api/classify', **sent)
        assert (answer.status_code, answer.json['results'][0].get('width')) == (200, 1000)


@pytest.mark.parametrize(
    'sent',
    [
        multipart(part(filename='꽃.jpg')) | {'content_type': 'multipart/form-data'},
        multipart(part(), end=False),
        {
            **multipart(part(filename='X.jpg')),
            'data': multipart(part(filename='X.jpg'))['data'].replace(b'X.jpg', b'\xb0\xd7.jpg'),
        },
    ],
    ids=['no boundary', 'cut', 'name in GBK'],
)
def test_a_form_that_cannot_be_read_is_called_so(app, sent):
    answer = app.test_client().post('/api/classify', **sent)
    assert answer.status_code == 400
    assert answer.json['error']['message'].startswith(
        'the form is incomplete or damaged, or its names'
    )


def test_a_bomb_is_refused_before_it_is_decoded(app):
    client = app.test_client()
    client.post('/api/classify', **raw(JPEG))
    tracemalloc.start()
    began = time.process_time()
    assert client.post('/api/classify', **raw(HUGE_PNG)).status_code == 413
    assert time.process_time() - began < 5
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_a_request_past_its_deadline_is_told_so():
    gate = uploads.Gate(AppConfig(max_decoders=1))
    assert gate._decoders.take('another client')
    with pytest.raises(uploads.Refusal) as refusal:
        gate.admit(JPEG, time.monotonic())
    assert refusal.value.status == 503


def test_without_a_folder_nothing_is_stored(app, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path / 'missing'))  # A file there fails.
    monkeypatch.chdir(tmp_path)
    answer = app.test_client().post('/api/classify', **multipart(part(data=JPEG + bytes(900_000))))
    assert answer.status_code == 200
    assert os.listdir(tmp_path) == []


def with_secret(data=JPEG):
    """Return a JPEG with a remark and a place in it."""
    remark = b'\xff\xfe' + struct.pack('>H', 2 + 12) + b'secret place'
    return data[:2] + remark + data[2:]


def test_a_copy_has_the_pixels_and_nothing_else(tmp_path):
    store = UploadStore(tmp_path, max_hours=1, max_mb=1)
    app = create_app(FakeHolder(), AppConfig(upload_folder=str(tmp_path)), store=store)
    answer = app.test_client().post(
        '/api/classify', **multipart(part(filename='../../me.jpg', data=with_secret()))
    )
    assert answer.status_code == 200
    (copy,) = (tmp_path / FOLDER).iterdir()
    assert copy.name.startswith('upload-')
    assert copy.name.endswith('.jpg')
    assert 'me' not in copy.name
    assert (copy.stat().st_mode & 0o777, copy.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    data = copy.read_bytes()
    assert b'secret' not in data
    assert data[:3] == b'\xff\xd8\xff'
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (pictures.WIDTH, pictures.HEIGHT)


def test_refused_pictures_are_not_stored(tmp_path):
    store = UploadStore(tmp_path, 1, 1)
    client = create_app(FakeHolder(), AppConfig(), store=store).test_client()
    client.post('/api/classify', **raw(HTML))
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_the_cleaner_touches_only_its_own_files(tmp_path):
    now = [time.time()]
    store = UploadStore(tmp_path, max_hours=1, max_mb=1, clock=lambda: now[0])
    store.keep(JPEG)
    others = [tmp_path / 'upload-0.jpg', tmp_path / FOLDER / 'mine.jpg']
    others += [tmp_path / FOLDER / 'upload-xyz.jpg']
    for path in others:
        path.write_bytes(b'keep me')
    link = tmp_path / FOLDER / f'upload-{"0" * 32}.jpg'
    link.symlink_to(others[0])
    now[0] += 3700
    store.clean()
    assert sorted(tmp_path.rglob('*')) == sorted([tmp_path / FOLDER, link, *others])


def test_a_part_that_a_killed_server_left_is_removed_early(tmp_path):
    folder = tmp_path / FOLDER
    UploadStore(tmp_path, max_hours=24, max_mb=1)
    left, written = (folder / f'upload-{digit * 32}.part' for digit in 'ab')
    for path, age in ((left, 3600), (written, 1)):
        path.write_bytes(b'half of a picture')
        os.utime(path, (time.time() - age,) * 2)
    UploadStore(tmp_path, max_hours=24, max_mb=1)
    assert list(folder.iterdir()) == [written]


def test_the_folder_never_grows_past_its_limit(tmp_path):
    store = UploadStore(tmp_path, max_hours=1, max_mb=0.005)
    sizes = []
    for _ in range(12):
        store.keep(JPEG)
        sizes.append(sum(path.stat().st_size for path in (tmp_path / FOLDER).iterdir()))
    assert 0 < max(sizes) <= 0.005 * 2**20


def test_a_folder_of_somebody_else_is_refused(tmp_path):
    (tmp_path / 'elsewhere').mkdir()
    (tmp_path / FOLDER).symlink_to(tmp_path / 'elsewhere')
    with pytest.raises(UserError, match='not a folder of this user'):
        UploadStore(tmp_path, 1, 1)
    with pytest.raises(UserError, match='--upload_folder'):
        UploadStore('/dev/null/x', 1, 1)


def test_a_full_disk_is_nobodys_loss(tmp_path, caplog):
    store = UploadStore(tmp_path, 1, 1)
    client = create_app(FakeHolder(), AppConfig(), store=store).test_client()
    (tmp_path / FOLDER).rmdir()
    assert client.post('/api/classify', **raw(JPEG)).status_code == 200
