"""Turn an Answer into JSON, CSV and TensorFlow Serving's format."""

from serving import csv_rows


def as_json(answer, name):
    """Return the answer of `/api/classify`."""
    return {
        'model': {'name': name, 'version': answer.version},
        'results': [_result(result) for result in answer.results],
        'seconds': round(answer.seconds, 6),
    }


def _result(result):
    if result.refusal:
        return {'name': result.name, 'error': result.refusal.content()}
    image = result.picture.image
    return {
        'name': result.name,
        'format': result.picture.kind,
        'width': image.width,
        'height': image.height,
        'predictions': [
            {'index': each.index, 'label': each.label, 'probability': each.probability}
            for each in result.predictions
        ],
    }


def as_csv(answer):
    """Return the answer as CSV, one line for each picture."""
    return csv_rows.document(
        [
            (result.name, result.refusal.message if result.refusal else '', result.predictions)
            for result in answer.results
        ]
    )


def model_json(predictor, name):
    """Describe a model as `/api/model` does."""
    info = predictor.info
    return {
        'name': name,
        'version': predictor.version,
        'network': info.model_name,
        'classes': predictor.labels,
        'image_size': info.image_size,
        'channels': info.channels,
        'preprocessing': info.preprocessing_name,
        'engine': predictor.engine,
        'precision': predictor.precision,
    }


def serving_status(version, is_ready):
    """Return the state of a model in TensorFlow Serving's format."""
    state = 'AVAILABLE' if is_ready else 'LOADING'
    status = {'error_code': 'OK', 'error_message': ''}
    return {'model_version_status': [{'version': str(version), 'state': state, 'status': status}]}


def serving_metadata(name, predictor):
    """Describe the signature in TensorFlow Serving's format."""
    classes = str(predictor.info.num_classes)
    signature = {
        'inputs': {'image_bytes': _tensor('DT_STRING', 'image_bytes', '-1')},
        'outputs': {
            'classes': _tensor('DT_STRING', 'classes', '-1', classes),
            'scores': _tensor('DT_FLOAT', 'probabilities', '-1', classes),
        },
        'method_name': 'tensorflow/serving/predict',
    }
    return {
        'model_spec': {'name': name, 'signature_name': '', 'version': str(predictor.version)},
        'metadata': {'signature_def': {'signature_def': {'serving_default': signature}}},
    }


def _tensor(kind, name, *sizes):
    shape = {'dim': [{'size': size, 'name': ''} for size in sizes], 'unknown_rank': False}
    return {'dtype': kind, 'tensor_shape': shape, 'name': f'{name}:0'}


def serving_predictions(answer, by_column):
    """Return the scores of every class in TensorFlow Serving's format."""
    scores = [result.outcome.probabilities.tolist() for result in answer.results]
    classes = answer.labels
    if by_column:
        return {'outputs': {'classes': [classes] * len(scores), 'scores': scores}}
    return {'predictions': [{'classes': classes, 'scores': row} for row in scores]}
