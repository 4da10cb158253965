"""The application answers people and programs alike, whatever form a picture comes in."""

import base64
import io
import json

import pytest

from serving.model.work_queue import BusyError, ExpiredError
from serving.web.app import create_app
from serving.web.server_options import AppConfig
from support.files import pictures
from support.network.fake_models import LABELS, FakeHolder, FakePredictor

JPEG = pictures.jpegs()['baseline.jpg'].data
PNG = pictures.pngs()['colour.png'].data
BASE64 = base64.b64encode(JPEG).decode()


def client(holder=None, **config):
    return create_app(holder or FakeHolder(), AppConfig(name='flowers', **config)).test_client()


def form(*files, **fields):
    """Return the data of a multipart request of (bytes, name) pairs."""
    return {'pictures': [(io.BytesIO(data), name) for data, name in files], **fields}


def test_a_form_with_two_pictures_gets_two_results_in_order():
    answer = client().post('/api/classify', data=form((JPEG, 'a.jpg'), (PNG, 'b.png'), top='2'))
    assert answer.status_code == 200
    assert answer.json['model'] == {'name': 'flowers', 'version': 1}
    assert answer.json['seconds'] >= 0
    results = answer.json['results']
    assert [result['name'] for result in results] == ['a.jpg', 'b.png']
    assert [result['format'] for result in results] == ['JPEG', 'PNG']
    assert [each['label'] for each in results[0]['predictions']] == ['<b>tulips</b>', 'roses']
    assert results[0]['predictions'][0] == {
        'index': 2,
        'label': '<b>tulips</b>',
        'probability': pytest.approx(2 / 4.5),
    }
    assert (results[1]['width'], results[1]['height']) == (pictures.WIDTH, pictures.HEIGHT)


@pytest.mark.parametrize(
    'sent',
    [
        {'data': JPEG, 'content_type': 'image/jpeg'},
        {'data': JPEG, 'content_type': 'application/octet-stream'},
        {'data': JPEG, 'content_type': 'application/x-www-form-urlencoded'},
        {'data': JPEG},
        {'json': {'image': BASE64}},
        {'json': {'image': f'data:image/jpeg;base64,{BASE64}'}},
        {'json': {'images': [BASE64]}},
        {'json': {'images': [{'b64': BASE64, 'name': 'x.jpg'}]}},
        {'json': {'image': base64.urlsafe_b64encode(JPEG).decode().rstrip('=')}},
        {'json': {'image': base64.encodebytes(JPEG).decode()}},
        {'data': form((JPEG, 'a.jpg'))},
        {'data': {'another field': (io.BytesIO(JPEG), 'a.jpg')}},
    ],
)
def test_every_form_of_the_same_picture_reaches_the_model_as_the_same_bytes(sent):
    holder = FakeHolder()
    answer = client(holder).post('/api/classify', **sent)
    assert answer.status_code == 200, answer.text
    assert len(answer.json['results'][0]['predictions']) == 3
    assert holder.predictor.pictures == [JPEG]


def test_a_bad_picture_spoils_no_other():
    answer = client().post('/api/classify', data=form((b'text', 'a.jpg'), (JPEG, 'b.jpg')))
    assert answer.status_code == 200
    bad, good = answer.json['results']
    assert bad['error']['status'] == 415
    assert 'not a picture' in bad['error']['message']
    assert good['predictions']


def test_base64_of_one_picture_spoils_no_other():
    answer = client().post('/api/classify', json={'images': ['%%', BASE64]})
    assert answer.status_code == 200
    bad, good = answer.json['results']
    assert bad['error'] == {
        'status': 400, 'kind': 'base64', 'message': 'picture 1 is not valid base64'
    }  # fmt: skip
    assert good['predictions']


def test_a_picture_that_only_the_graph_refuses_spoils_no_other():
    holder = FakeHolder(FakePredictor(unreadable={PNG}))
    files = form((PNG, 'a.png'), (JPEG, 'b.jpg'), (PNG, 'c.png'))
    results = client(holder).post('/api/classify', data=files).json['results']
    assert ['error' in result for result in results] == [True, False, True]
    assert holder.predictor.pictures == [JPEG]


def test_what_only_the_graph_finds_is_told_in_the_gates_words_and_counted():
    damaged = PNG[:-20] + b'\0' + PNG[-19:]
    browser = client(FakeHolder(FakePredictor(refuses_damaged=True)))
    answer = browser.post('/api/classify', data=form((damaged, 'a.png'), (PNG, 'b.png')))
    bad, good = answer.json['results']
    assert bad['error']['message'] == 'truncated or damaged PNG'
    assert bad['error']['status'] == 400
    assert good['format'] == 'PNG'
    lines = browser.get('/metrics').text.splitlines()
    assert 'classifier_pictures_total{kind="PNG"} 1' in lines
    assert 'classifier_pictures_total{kind="refused"} 1' in lines


def test_with_nothing_but_bad_pictures_the_status_says_so():
    answer = client().post('/api/classify', data=form((b'text', 'a.jpg'), (b'', 'b.jpg')))
    assert answer.status_code == 415
    assert answer.json['error']['status'] == 415
    assert [result['error']['status'] for result in answer.json['results']] == [415, 400]


@pytest.mark.parametrize('top', ['0', '-1', 'many', '1e9', '99999999999', '1_0', '٣', '2.5'])
def test_an_impossible_top_is_refused(top):
    answer = client().post(f'/api/classify?top={top}', data=JPEG)
    assert answer.status_code == 400
    assert 'top' in answer.json['error']['message']


def test_a_form_with_two_tops_is_refused():
    answer = client().post('/api/classify', data=form((JPEG, 'a.jpg'), top=['1', '2']))
    assert answer.status_code == 400
    assert 'top' in answer.json['error']['message']


@pytest.mark.parametrize('top', [0, True, 2.5, [1], '1_0', 1e300])
def test_an_impossible_top_is_refused_wherever_it_is(top):
    browser = client()
    for sent in (
        {'json': {'image': BASE64, 'top': top}},
        {'data': form((JPEG, 'a.jpg'), top=str(top))},
        {'data': form((JPEG, 'a.jpg'), top='1'), 'query_string': {'top': str(top)}},
    ):
        answer = browser.post('/api/classify', **sent)
        assert (answer.status_code, answer.json['error']['kind']) == (400, 'top')


def test_a_top_with_a_fraction_of_nothing_is_a_number():
    answer = client().post('/api/classify', json={'image': BASE64, 'top': 2.0})
    assert len(answer.json['results'][0]['predictions']) == 2


def test_more_classes_than_there_are_give_all():
    answer = client().post('/api/classify?top=50', data=JPEG)
    assert len(answer.json['results'][0]['predictions']) == len(LABELS)


@pytest.mark.parametrize(
    ('error', 'retry_after'), [(BusyError(7), '7'), (ExpiredError('late'), '5')]
)
def test_a_full_queue_asks_to_come_back(error, retry_after):
    holder = FakeHolder()
    holder.predictor.error = error
    answer = client(holder).post('/api/classify', data=JPEG)
    assert answer.status_code == 503
    assert answer.headers['Retry-After'] == retry_after


def test_what_breaks_inside_is_told_without_details():
    holder = FakeHolder()
    holder.predictor.error = RuntimeError('secret path')
    answer = client(holder).post('/api/classify', data=JPEG)
    assert answer.status_code == 500
    assert 'secret' not in answer.text
    assert answer.json['error']['kind'] == 'failure'


def test_while_loading_only_health_is_well():
    browser = client(FakeHolder(is_ready=False))
    assert browser.get('/healthz').status_code == 200
    assert browser.get('/').status_code == 200
    for answer in (
        browser.get('/readyz'),
        browser.get('/api/model'),
        browser.post('/api/classify', data=JPEG),
        browser.post('/', data=form((JPEG, 'a.jpg'))),
    ):
        assert answer.status_code == 503
        assert int(answer.headers['Retry-After']) >= 1
    state = browser.get('/v1/models/flowers').json['model_version_status'][0]
    assert state['state'] == 'LOADING'


def test_while_draining_others_are_sent_elsewhere():
    app = create_app(FakeHolder(), AppConfig(), is_draining=lambda: True)
    assert app.test_client().get('/readyz').status_code == 503
    assert app.test_client().post('/api/classify', data=JPEG).status_code == 200


def test_the_model_is_described():
    found = client().get('/api/model').json
    assert found['name'] == 'flowers'
    assert found['classes'] == list(LABELS)
    assert (found['network'], found['image_size'], found['version']) == ('lenet', 28, 1)
    assert (found['engine'], found['precision']) == ('onnx', 'float32')


@pytest.mark.parametrize(
    ('body', 'key'),
    [
        ({'instances': [{'b64': BASE64}]}, 'predictions'),
        ({'instances': [{'image_bytes': {'b64': BASE64}}]}, 'predictions'),
        ({'signature_name': 'serving_default', 'instances': [{'b64': BASE64}]}, 'predictions'),
        ({'inputs': [{'b64': BASE64}]}, 'outputs'),
        ({'inputs': {'image_bytes': [{'b64': BASE64}]}}, 'outputs'),
        ({'inputs': {'b64': BASE64}}, 'outputs'),
    ],
)
@pytest.mark.parametrize('address', ['flowers', 'flowers/versions/1'])
def test_predict_speaks_as_tensorflow_serving(body, key, address):
    answer = client().post(f'/v1/models/{address}:predict', data=json.dumps(body))
    assert answer.status_code == 200, answer.text
    scores = [pytest.approx(value / 4.5) for value in (1, 1.5, 2)]
    if key == 'predictions':
        assert answer.json == {'predictions': [{'classes': list(LABELS), 'scores': scores}]}
    else:
        assert answer.json == {'outputs': {'classes': [list(LABELS)], 'scores': [scores]}}


@pytest.mark.parametrize(
    ('body', 'status'),
    [
        ({}, 400),
        ({'instances': [], 'inputs': []}, 400),
        ({'instances': []}, 400),
        ({'instances': [1]}, 400),
        ({'instances': [{'b64': 'no base64!'}]}, 400),
        ({'instances': None}, 400),
        ({'instances': [{'b64': BASE64}], 'signature_name': 'other'}, 400),
        ({'instances': [{'b64': BASE64}, {'b64': 'AAAA'}]}, 415),
        ({'instances': [{'b64': BASE64}, {'b64': '%%'}]}, 400),
        ({'instances': [{'b64': BASE64}, 2]}, 400),
    ],
)
def test_predict_refuses_in_tensorflow_servings_words(body, status):
    answer = client().post('/v1/models/flowers:predict', json=body)
    assert answer.status_code == status
    assert isinstance(answer.json['error'], str)
    if len(body.get('instances') or ()) == 2:
        assert 'instance 2' in answer.json['error']


def test_status_and_metadata_speak_as_tensorflow_serving():
    browser = client(FakeHolder(FakePredictor(version=3)))
    status = browser.get('/v1/models/flowers').json['model_version_status'][0]
    assert (status['version'], status['state']) == ('3', 'AVAILABLE')
    metadata = browser.get('/v1/models/flowers/metadata').json
    assert metadata['model_spec'] == {'name': 'flowers', 'signature_name': '', 'version': '3'}
    signature = metadata['metadata']['signature_def']['signature_def']['serving_default']
    assert set(signature['inputs']) == {'image_bytes'}
    assert set(signature['outputs']) == {'classes', 'scores'}
    for address in ('other', 'flowers/versions/2'):
        assert browser.get(f'/v1/models/{address}').status_code == 404
        refusal = browser.post(f'/v1/models/{address}:predict', json={'instances': []})
        assert refusal.status_code == 404


def test_metrics_are_prometheus_text():
    browser = client()
    browser.post('/api/classify', data=form((JPEG, 'a.jpg'), (b'text', 'b.jpg')))
    browser.get('/nowhere"\n')
    answer = browser.get('/metrics')
    assert answer.content_type.startswith('text/plain; version=0.0.4')
    lines = answer.text.splitlines()
    assert 'classifier_requests_total{endpoint="classify",status="200"} 1' in lines
    assert 'classifier_requests_total{endpoint="unknown",status="404"} 1' in lines
    assert 'classifier_request_seconds_count{endpoint="classify"} 1' in lines
    assert 'classifier_pictures_total{kind="JPEG"} 1' in lines
    assert 'classifier_pictures_total{kind="refused"} 1' in lines
    assert 'classifier_model_version 1' in lines
    assert 'classifier_queued_pictures 0' in lines
    for line in lines:
        name, _, value = line.rpartition(' ')
        assert line.startswith('#') or (name and float(value) >= 0)


def test_other_methods_and_addresses_are_refused_in_json():
    browser = client()
    assert browser.get('/nowhere').json['error']['status'] == 404
    answer = browser.get('/api/classify')
    assert answer.status_code == 405
    assert 'POST' in answer.headers['Allow']
    assert answer.json['error']['message']
    assert browser.get('/v1/models/flowers:predict').status_code == 405
