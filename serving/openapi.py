"""The description of the API for people and programs: OpenAPI 3.1."""

_STRING, _INTEGER, _NUMBER = {'type': 'string'}, {'type': 'integer'}, {'type': 'number'}
_BASE64 = {'type': 'string', 'contentEncoding': 'base64'}
_BINARY = {'type': 'string', 'format': 'binary'}


def _object(required=(), **properties):
    return {'type': 'object', 'properties': properties, 'required': list(required)}


def _list(items):
    return {'type': 'array', 'items': items}


def _reference(name):
    return {'$ref': f'#/components/schemas/{name}'}


def _json(schema):
    return {'application/json': {'schema': schema}}


def _schemas():
    prediction = _object(
        ('index', 'label', 'probability'), index=_INTEGER, label=_STRING, probability=_NUMBER
    )
    problem = _object(('status', 'kind', 'message'), status=_INTEGER, kind=_STRING, message=_STRING)
    result = _object(
        ('name',),
        name=_STRING,
        format=_STRING,
        width=_INTEGER,
        height=_INTEGER,
        predictions=_list(_reference('Prediction')),
        error=_reference('Problem'),
    )
    model = _object(
        ('name', 'version'),
        name=_STRING,
        version=_INTEGER,
        network=_STRING,
        classes=_list(_STRING),
        image_size=_INTEGER,
        channels=_INTEGER,
        preprocessing=_STRING,
        precision=_STRING,
    )
    return {
        'Prediction': prediction,
        'Problem': problem,
        'Error': _object(('error',), error=_reference('Problem')),
        'Result': result,
        'Answer': _object(
            ('model', 'results', 'seconds'),
            model=_object(name=_STRING, version=_INTEGER),
            results=_list(_reference('Result')),
            seconds=_NUMBER,
        ),
        'Model': model,
    }


def _errors(*statuses):
    meanings = {
        400: 'Nothing that can be read, or a damaged picture',
        401: 'A key is required',
        403: 'Another host or another origin',
        404: 'No such model or version',
        413: 'Too large, or too many',
        415: 'Not a picture of an allowed kind',
        429: 'Too many requests; Retry-After says when to come back',
        503: 'Loading, busy or about to end; Retry-After says when to come back',
    }
    return {
        str(status): {'description': meanings[status], 'content': _json(_reference('Error'))}
        for status in statuses
    }


def _get(summary, content, *statuses):
    answer = {'description': 'The answer', 'content': content}
    return {'get': {'summary': summary, 'responses': {'200': answer, **_errors(*statuses)}}}


def _classify():
    item = {'oneOf': [_BASE64, _object(('b64',), b64=_BASE64, name=_STRING)]}
    body = {
        'multipart/form-data': {'schema': _object(pictures=_list(_BINARY), top=_INTEGER)},
        'image/*': {'schema': _BINARY},
        'application/octet-stream': {'schema': _BINARY},
        **_json(_object(image=item, images=_list(item), top=_INTEGER)),
    }
    return {
        'post': {
            'summary': 'Classify one picture or several; a bad one spoils no other',
            'parameters': [{'name': 'top', 'in': 'query', 'schema': {**_INTEGER, 'minimum': 1}}],
            'requestBody': {'required': True, 'content': body},
            'responses': {
                '200': {
                    'description': 'A result for each picture, in order',
                    'content': _json(_reference('Answer')),
                },
                **_errors(400, 401, 403, 413, 415, 429, 503),
            },
        }
    }


def _predict():
    row = _object(classes=_list(_STRING), scores=_list(_NUMBER))
    instance = _object(('b64',), b64=_BASE64)
    return {
        'post': {
            'summary': "Predict, in the form of TensorFlow Serving's REST API",
            'requestBody': {
                'required': True,
                'content': _json(_object(('instances',), instances=_list(instance))),
            },
            'responses': {
                '200': {
                    'description': 'A row for each instance',
                    'content': _json(_object(predictions=_list(row))),
                },
                **_errors(400, 401, 403, 404, 413, 415, 429, 503),
            },
        }
    }


def document(name, needs_key):
    """Return the whole description of a server whose model is called `name`."""
    text = {'text/plain': {'schema': _STRING}}
    anything = _json({'type': 'object'})
    model = f'/v1/models/{name}'
    found = {
        'openapi': '3.1.0',
        'info': {'title': f'Image classifier {name}', 'version': '1'},
        'paths': {
            '/api/classify': _classify(),
            '/api/model': _get('Describe the model', _json(_reference('Model')), 503),
            model: _get('Tell the state of the model', anything, 404),
            f'{model}/metadata': _get('Describe the signature', anything, 404, 503),
            f'{model}:predict': _predict(),
            '/healthz': _get('Tell whether the server runs', text),
            '/readyz': _get('Tell whether requests are answered', text, 503),
            '/metrics': _get('Counters for Prometheus', text),
        },
        'components': {'schemas': _schemas()},
    }
    if needs_key:
        scheme = {'type': 'http', 'scheme': 'bearer'}
        found['components']['securitySchemes'] = {'key': scheme}
        found['security'] = [{'key': []}]
    return found
