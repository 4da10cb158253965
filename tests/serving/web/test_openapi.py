"""The description of the API tells what the application does: its routes, forms and refusals."""

import json

import pytest

from serving.web.app import create_app
from serving.web.server_options import AppConfig
from support.network.fake_models import FakeHolder

MODEL = '/v1/models/flowers'
VERSION = f'{MODEL}/versions/{{version}}'
FOR_PEOPLE = {'/', '/static/<path:filename>'}
WITHOUT_KEY = {'/healthz', '/readyz', '/api/openapi.json'}


def application(holder=None, **config):
    return create_app(holder or FakeHolder(), AppConfig(name='flowers', **config))


def description(**config):
    return application(**config).test_client().get('/api/openapi.json').json


def operations():
    """List (path, method, what is described) of all that programs may call."""
    paths = description()['paths'].items()
    return [
        (path, method, item[method])
        for path, item in paths
        for method in ('get', 'post')
        if method in item
    ]


def test_the_description_names_every_route():
    described = description()
    assert described['openapi'].startswith('3.')
    rules = {str(rule) for rule in application().url_map.iter_rules()} - FOR_PEOPLE
    in_braces = {'<before_verb:name>': 'flowers', '<before_verb:version>': '{version}'}
    for ours, theirs in in_braces.items():
        rules = {rule.replace(ours, theirs) for rule in rules}
    assert set(described['paths']) == rules
    text = json.dumps(described)
    for name in described['components']['schemas']:
        assert f'#/components/schemas/{name}' in text


def test_a_version_in_an_address_is_a_parameter():
    for path, item in description()['paths'].items():
        named = [each['name'] for each in item.get('parameters', ())]
        assert named == (['version'] if '{version}' in path else [])


REFUSED = {
    401: {'api_keys': ('key',)},
    403: {'trusted_hosts': ('classify.example.org',), 'is_loopback': False},
    429: {'rate_limit': 1},
}


@pytest.mark.parametrize('status', REFUSED)
def test_who_may_not_ask_gets_what_is_described(status):
    for path, method, described in operations():
        browser = application(**REFUSED[status]).test_client()
        address = path.replace('{version}', '1')
        answers = [browser.open(address, method=method, json={}) for _ in range(2)]
        is_refused = answers[-1].status_code == status
        assert (str(status) in described['responses']) == is_refused, (path, method)


def test_what_is_not_there_and_not_ready_gets_what_is_described():
    for path, method, described in operations():
        for holder, version in ((FakeHolder(), '2'), (FakeHolder(is_ready=False), '1')):
            browser = application(holder).test_client()
            address = path.replace('{version}', version)
            instance = {'instances': [{'b64': 'AAAA'}]}
            status = browser.open(address, method=method, json=instance).status_code
            assert str(status) in described['responses'], (path, method)


def test_errors_of_tensorflow_servings_addresses_have_its_form():
    for path, method, described in operations():
        form = 'ServingError' if path.startswith('/v1/') else 'Error'
        for status, answer in described['responses'].items():
            schema = answer['content'].get('application/json', {}).get('schema')
            assert status == '200' or schema == {'$ref': f'#/components/schemas/{form}'}, method


@pytest.mark.parametrize('model', [MODEL, VERSION])
def test_both_forms_of_predict_are_described(model):
    described = description()['paths'][f'{model}:predict']['post']
    body = described['requestBody']['content']['application/json']['schema']['oneOf']
    answer = described['responses']['200']['content']['application/json']['schema']['oneOf']
    forms = [each['required'] for each in (*body, *answer)]
    assert forms == [['instances'], ['inputs'], ['predictions'], ['outputs']]


def test_a_key_is_described_where_there_are_keys():
    assert 'security' not in description()
    described = description(api_keys=('key',))
    schemes = described['components']['securitySchemes']
    assert [name for each in described['security'] for name in each] == list(schemes)
    gets = {path: item.get('get', {}) for path, item in described['paths'].items()}
    is_open = {path for path, get in gets.items() if get.get('security') == []}
    assert is_open == WITHOUT_KEY


def test_no_other_method_is_offered_than_is_described():
    for path, item in description()['paths'].items():
        answer = application().test_client().put(path.replace('{version}', '1'))
        offered = {each.strip().lower() for each in answer.headers['Allow'].split(',')}
        described = {'get', 'post'} & set(item)
        assert offered - {'head', 'options'} == described, path


def test_what_is_described_is_no_request_for_nothing():
    post = description()['paths']['/api/classify']['post']
    body = {kind: each['schema'] for kind, each in post['requestBody']['content'].items()}
    form, in_json = body['multipart/form-data'], body['application/json']
    for top in (form['properties']['top'], in_json['properties']['top']):
        assert (top['minimum'], top['maximum']) == (1, 1_000_000)
    for pictures in (form['properties']['pictures'], in_json['properties']['images']):
        assert pictures['minItems'] == 1
    assert form['required'] == ['pictures']
    predict = description()['paths'][f'{MODEL}:predict']['post']['requestBody']['content']
    rows, columns = predict['application/json']['schema']['oneOf']
    assert rows['properties']['instances']['minItems'] == 1
    assert all(each.get('minItems', 1) == 1 for each in columns['properties']['inputs']['oneOf'])


def test_without_a_key_the_model_has_no_name():
    browser = application(api_keys=('key',)).test_client()
    described = browser.get('/api/openapi.json').json
    assert 'flowers' not in json.dumps(described)
    assert '/v1/models/{model}:predict' in described['paths']
