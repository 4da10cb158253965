"""What the API says of a picture if the model knows its limits, and nothing of it if not."""

import base64
import csv
import io

import jsonschema
import numpy as np
import pytest

from classifiers.verdicts import Verdict
from support.network.fake_models import LIMITS, FakeHolder, FakePredictor
from support.network.pages import JPEG, client

KNOWN = Verdict(np.array([0.3, 0.45, 0.25], np.float32), 0.125, 0.5, True)
UNKNOWN = Verdict(np.array([0.25, 0.25, 0.5], np.float32), 9.5, 0.0, False)
JPEG_BASE64 = base64.b64encode(JPEG).decode()
KEYS = ['is_known', 'p_known', 'unknown_score', 'likely']
SIGNATURE = ['probabilities_calibrated', 'unknown_score', 'p_known', 'is_known']


def browser(verdict=KNOWN, **options):
    return client(FakeHolder(FakePredictor(verdict=verdict, **options)), name='flowers')


def ask(client, query='', files=((JPEG, 'a.jpg'),)):
    data = {'pictures': [(io.BytesIO(data), name) for data, name in files]}
    return client.post(f'/api/classify{query}', data=data)


@pytest.mark.parametrize(
    ('verdict', 'likely'),
    [(KNOWN, ['roses', 'daisy', '<b>tulips</b>']), (UNKNOWN, ['<b>tulips</b>', 'daisy', 'roses'])],
)
def test_a_result_has_the_verdict(verdict, likely):
    (result,) = ask(browser(verdict)).json['results']
    assert {key: result[key] for key in KEYS} == {
        'is_known': verdict.is_known,
        'p_known': verdict.p_known,
        'unknown_score': verdict.unknown_score,
        'likely': likely,
    }
    best = result['predictions'][0]
    assert best['probability'] == pytest.approx(2 / 4.5)
    assert best['calibrated'] == pytest.approx(float(verdict.probabilities[2]))


def test_without_prediction_sets_no_class_is_likely():
    (result,) = ask(browser(limits={**LIMITS, 'sets': {}})).json['results']
    assert result['likely'] == []


def test_a_model_without_limits_answers_as_before():
    plain = client(name='flowers')
    (result,) = ask(plain).json['results']
    assert not set(KEYS) & set(result)
    assert all(set(each) == {'index', 'label', 'probability'} for each in result['predictions'])
    assert 'limits' not in plain.get('/api/model').json
    assert 'is_known' not in ask(plain, '?format=csv').text
    assert set(predicted(plain, 'instances')['predictions'][0]) == {'classes', 'scores'}
    assert set(signature(plain)) == {'classes', 'scores'}


def test_csv_has_the_verdict_behind_the_classes():
    files = ((JPEG, 'a.jpg'), (b'text', 'b.txt'))
    heading, good, bad = csv.reader(io.StringIO(ask(browser(), '?format=csv', files).text))
    assert heading[-5:] == ['probability_3', *KEYS]
    assert good[-4:] == ['true', '0.5', '0.125', 'roses|daisy|<b>tulips</b>']
    assert bad[2:] == [''] * 10
    unknown = ask(browser(UNKNOWN, labels=('=a', 'b', 'c')), '?format=csv').text
    assert unknown.splitlines()[1].endswith(',false,0,9.5,c|=a|b')
    formula = ask(browser(labels=('b', '=a', 'c')), '?format=csv').text
    assert formula.splitlines()[1].endswith(",'=a|b|c")


def predicted(client, form):
    body = {form: [{'b64': JPEG_BASE64}]}
    return client.post('/v1/models/flowers:predict', json=body).json


def signature(client):
    found = client.get('/v1/models/flowers/metadata').json['metadata']['signature_def']
    return found['signature_def']['serving_default']['outputs']


def test_tensorflow_servings_api_has_the_outputs_of_the_graph():
    (row,) = predicted(browser(), 'instances')['predictions']
    assert list(row) == ['classes', 'scores', *SIGNATURE]
    assert row['probabilities_calibrated'] == pytest.approx([0.3, 0.45, 0.25])
    assert [row[name] for name in SIGNATURE[1:]] == [0.125, 0.5, True]
    columns = predicted(browser(), 'inputs')['outputs']
    assert columns == {name: [value] for name, value in row.items()}
    outputs = signature(browser())
    assert list(outputs) == ['classes', 'scores', *SIGNATURE]
    assert outputs['is_known']['dtype'] == 'DT_BOOL'
    assert [dim['size'] for dim in outputs['is_known']['tensor_shape']['dim']] == ['-1']


def test_the_model_is_described_with_its_limits():
    assert browser().get('/api/model').json['limits'] == LIMITS


def test_answers_are_as_described():
    described = browser().get('/api/openapi.json').json
    schemas = described['components']

    def check(answer, schema):
        jsonschema.validate(answer, {**schema, 'components': schemas})

    for verdict in (KNOWN, UNKNOWN, None):
        asked = browser(verdict)
        check(ask(asked).json, {'$ref': '#/components/schemas/Answer'})
        check(asked.get('/api/model').json, {'$ref': '#/components/schemas/Model'})
        predict = described['paths']['/v1/models/flowers:predict']['post']['responses']['200']
        for form in ('instances', 'inputs'):
            check(predicted(asked, form), predict['content']['application/json']['schema'])


def test_every_part_of_an_answer_is_described():
    schemas = browser().get('/api/openapi.json').json['components']['schemas']
    (result,) = ask(browser()).json['results']
    assert set(result) <= set(schemas['Result']['properties'])
    assert set(result['predictions'][0]) == set(schemas['Prediction']['properties'])
    assert set(LIMITS) == set(schemas['Limits']['properties'])


def test_unknown_pictures_are_counted():
    asked = browser(UNKNOWN)
    ask(asked, files=((JPEG, 'a.jpg'), (b'text', 'b.txt'), (JPEG, 'c.jpg')))
    lines = asked.get('/metrics').text.splitlines()
    assert 'classifier_unknown_pictures_total 2' in lines
    assert '# TYPE classifier_unknown_pictures_total counter' in lines
    known = browser()
    ask(known)
    assert 'classifier_unknown_pictures_total 0' in known.get('/metrics').text.splitlines()
