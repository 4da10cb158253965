"""Describe the API in OpenAPI 3.1."""

from classifiers.model_info_checks import SETS
from serving.web.uploads import MOST_CLASSES

_STRING, _INTEGER, _NUMBER = {'type': 'string'}, {'type': 'integer'}, {'type': 'number'}
_BOOLEAN = {'type': 'boolean'}
_BASE64 = {'type': 'string', 'contentEncoding': 'base64'}
_BINARY = {'type': 'string', 'format': 'binary', 'minLength': 1}
_TEXT = {'text/plain': {'schema': _STRING}}
_TOP = {**_INTEGER, 'minimum': 1, 'maximum': MOST_CLASSES}
_ANYTHING = {'application/json': {'schema': {'type': 'object'}}}
# The errors of any request, and of any request that needs a key.
_ALWAYS = (403, 408, 431, 500)
_BEHIND_KEY = (401, 429, *_ALWAYS)


def _object(required=(), **properties):
    return {'type': 'object', 'properties': properties, 'required': list(required)}


def _list(items, **more):
    return {'type': 'array', 'items': items, **more}


def _described(schema, description):
    return {**schema, 'description': description}


def _of_verdict():
    """Return what a model says of a picture if its limits are known."""
    return {
        'is_known': _described(_BOOLEAN, 'Whether it is of one of the classes; only with limits'),
        'p_known': _described(
            _NUMBER, 'The share of known pictures that are at least as strange; only with limits'
        ),
        'unknown_score': _described(
            _NUMBER, 'How strange the picture is, 0 is usual; only with limits'
        ),
    }


def _limits():
    levels = {'type': 'object', 'additionalProperties': _NUMBER}
    shown = {**_STRING, 'enum': list(SETS)}
    return {
        **_object(
            ('accept_known', 'threshold', 'temperature', 'score', 'pictures', 'sets'),
            accept_known=_NUMBER,
            threshold=_NUMBER,
            temperature=_NUMBER,
            score=_STRING,
            pictures=_NUMBER,
            sets=_object(shown=shown, temperature=_NUMBER, **dict.fromkeys(SETS, levels)),
        ),
        'description': 'How the limits of the model were learnt; missing if they are not known',
    }


def _reference(name):
    return {'$ref': f'#/components/schemas/{name}'}


def _json(schema):
    return {'application/json': {'schema': schema}}


def _result():
    return _object(
        ('name',),
        name=_STRING,
        format=_STRING,
        width=_INTEGER,
        height=_INTEGER,
        **_of_verdict(),
        likely=_described(
            _list(_STRING), 'The labels of the prediction set at 90%, best first; only with limits'
        ),
        predictions=_list(_reference('Prediction')),
        error=_reference('Problem'),
    )


def _schemas():
    prediction = _object(
        ('index', 'label', 'probability'),
        index=_INTEGER,
        label=_STRING,
        probability=_NUMBER,
        calibrated=_described(_NUMBER, 'The calibrated probability; only with limits'),
    )
    problem = _object(('status', 'kind', 'message'), status=_INTEGER, kind=_STRING, message=_STRING)
    model = _object(
        ('name', 'version'),
        name=_STRING,
        version=_INTEGER,
        network=_STRING,
        classes=_list(_STRING),
        image_size=_INTEGER,
        channels=_INTEGER,
        preprocessing=_STRING,
        engine=_STRING,
        precision=_STRING,
        limits=_reference('Limits'),
    )
    return {
        'Prediction': prediction,
        'Problem': problem,
        'Error': _object(('error',), error=_reference('Problem')),
        # TensorFlow Serving's format; requests refused before parsing the address have ours.
        'ServingError': _object(('error',), error={'oneOf': [_STRING, _reference('Problem')]}),
        'Result': _result(),
        'Answer': _object(
            ('model', 'results', 'seconds'),
            model=_object(name=_STRING, version=_INTEGER),
            results=_list(_reference('Result')),
            seconds=_NUMBER,
        ),
        'Model': model,
        'Limits': _limits(),
    }


def _errors(statuses, form):
    meanings = {
        400: 'No readable picture, or a damaged one',
        401: 'A key is required',
        403: 'Another host or another origin',
        404: 'No such model or version',
        408: 'The request did not arrive in time',
        413: 'Too large, or too many',
        415: 'Not a picture of an allowed kind, or a body with a Content-Encoding',
        429: 'Too many requests; Retry-After says when to try again',
        431: 'A header that is too long',
        500: 'Internal error; see the server log',
        503: 'Loading, busy, too late or shutting down; Retry-After says when to try again',
    }
    return {
        str(status): {'description': meanings[status], 'content': _json(_reference(form))}
        for status in sorted(statuses)
    }


def _operation(summary, content, statuses, form='Error', **more):
    answer = {'description': 'The answer', 'content': content}
    return {'summary': summary, **more, 'responses': {'200': answer, **_errors(statuses, form)}}


def _get(summary, content, *statuses, form='Error'):
    return {'get': _operation(summary, content, (*statuses, *_BEHIND_KEY), form)}


def _open(summary, content, *statuses):
    """Describe an address that never needs a key."""
    return {'get': _operation(summary, content, (*statuses, *_ALWAYS), security=[])}


def _body(content):
    return {'required': True, 'content': content}


def _in_query(name, schema, description):
    return {'name': name, 'in': 'query', 'schema': schema, 'description': description}


def _without(name, schema):
    """Return the schema with the property `name` forbidden."""
    return {**schema, 'not': {'required': [name]}}


def _classify():
    item = {'oneOf': [_BASE64, _object(('b64',), b64=_BASE64, name=_STRING)]}
    form = _object(('pictures',), pictures=_list(_BINARY, minItems=1), top=_TOP)
    in_json = _object(image=item, images=_list(item, minItems=1), top=_TOP)
    in_json['anyOf'] = [{'required': ['image']}, {'required': ['images']}]
    body = {
        'multipart/form-data': {'schema': form},
        'image/*': {'schema': _BINARY},
        'application/octet-stream': {'schema': _BINARY},
        **_json(in_json),
    }
    operation = _operation(
        'Classify pictures: one result per picture, in order; a bad picture has an error',
        {**_json(_reference('Answer')), 'text/csv': {'schema': _STRING}},
        (400, 413, 415, 503, *_BEHIND_KEY),
        parameters=[
            _in_query('top', _TOP, 'Number of classes per picture'),
            _in_query(
                'format',
                {**_STRING, 'enum': ['json', 'csv']},
                'Format of the answer, by default from Accept; errors are JSON',
            ),
            _in_query('name', _STRING, 'Name of a picture that is sent as the body'),
        ],
        requestBody=_body(body),
    )
    return {'post': operation}


def _predict():
    picture = _object(('b64',), b64=_BASE64)
    column = {'oneOf': [picture, _list(picture, minItems=1)]}
    # Of an object with both names, b64 is read.
    row = {'oneOf': [picture, _without('b64', _object(('image_bytes',), image_bytes=picture))]}
    by_name = _without('b64', _object(('image_bytes',), image_bytes=column))
    columns = {'oneOf': [*column['oneOf'], by_name]}
    by_row = _object(
        classes=_list(_STRING),
        scores=_list(_NUMBER),
        probabilities_calibrated=_list(_NUMBER),
        **_of_verdict(),
    )
    columned = {name: _list(schema) for name, schema in by_row['properties'].items()}
    by_column = _object(**columned)
    signature = {'type': 'string', 'enum': ['', 'serving_default']}
    rows = _object(('instances',), instances=_list(row, minItems=1), signature_name=signature)
    by_name = _object(('inputs',), inputs=columns, signature_name=signature)
    asked = [_without('inputs', rows), _without('instances', by_name)]
    answered = [
        _object(('predictions',), predictions=_list(by_row)),
        _object(('outputs',), outputs=by_column),
    ]
    operation = _operation(
        "Predict, in the form of TensorFlow Serving's REST API: instances get predictions, "
        'inputs get outputs',
        _json({'oneOf': answered}),
        (400, 404, 413, 415, 503, *_BEHIND_KEY),
        form='ServingError',
        requestBody=_body(_json({'oneOf': asked})),
    )
    return {'post': operation}


def _model_paths(model, parameters):
    """Describe the addresses of TensorFlow Serving for a model or a version."""
    found = {
        model: _get('Get the state of the model', _ANYTHING, 404, form='ServingError'),
        f'{model}/metadata': _get(
            'Describe the signature', _ANYTHING, 404, 503, form='ServingError'
        ),
        f'{model}:predict': _predict(),
    }
    shared = {'parameters': parameters} if parameters else {}
    return {path: {**shared, **item} for path, item in found.items()}


def _in_path(name, **more):
    return {'name': name, 'in': 'path', 'required': True, 'schema': _STRING, **more}


def document(name, needs_key):
    """Return the description; without the model's `name` if it is None."""
    model = f'/v1/models/{name or "{model}"}'
    shared = [] if name else [_in_path('model')]
    found = {
        'openapi': '3.1.0',
        'info': {'title': f'Image classifier {name or ""}'.rstrip(), 'version': '1'},
        'paths': {
            '/api/classify': _classify(),
            '/api/model': _get('Describe the model', _json(_reference('Model')), 503),
            '/api/openapi.json': _open('Describe the API', _ANYTHING, 429),
            **_model_paths(model, shared),
            **_model_paths(
                f'{model}/versions/{{version}}', [*shared, _in_path('version', example='1')]
            ),
            '/healthz': _open('Check whether the server is running', _TEXT),
            '/readyz': _open('Check whether the server takes requests', _TEXT, 503),
            '/metrics': _get('Counters for Prometheus', _TEXT),
        },
        'components': {'schemas': _schemas()},
    }
    if needs_key:
        found['components']['securitySchemes'] = {
            'bearer': {'type': 'http', 'scheme': 'bearer'},
            'header': {'type': 'apiKey', 'in': 'header', 'name': 'X-API-Key'},
        }
        found['security'] = [{'bearer': []}, {'header': []}]
    return found
