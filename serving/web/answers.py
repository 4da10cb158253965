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
        **_verdict(result),
        'predictions': [_prediction(each) for each in result.predictions],
    }


def _verdict(result):
    """Return what the model's limits say of a picture; nothing without limits."""
    verdict = result.verdict
    if not verdict:
        return {}
    return {
        'is_known': verdict.is_known,
        'p_known': verdict.p_known,
        'unknown_score': verdict.unknown_score,
        'likely': list(result.likely),
    }


def _prediction(each):
    calibrated = {} if each.calibrated is None else {'calibrated': each.calibrated}
    return {
        'index': each.index,
        'label': each.label,
        'probability': each.probability,
        **calibrated,
    }


def as_csv(answer):
    """Return the answer as CSV, one line for each picture."""
    rows = []
    for result in answer.results:
        problem = result.refusal.message if result.refusal else ''
        rows.append((result.name, problem, result.predictions, result.verdict, result.likely))
    return csv_rows.document(rows)


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
        **({'limits': info.limits} if info.limits else {}),
    }


def serving_status(version, is_ready):
    """Return the state of a model in TensorFlow Serving's format."""
    state = 'AVAILABLE' if is_ready else 'LOADING'
    status = {'error_code': 'OK', 'error_message': ''}
    return {'model_version_status': [{'version': str(version), 'state': state, 'status': status}]}


def serving_metadata(name, predictor):
    """Describe the signature in TensorFlow Serving's format."""
    classes = str(predictor.info.num_classes)
    of_verdict = {
        'probabilities_calibrated': _tensor('DT_FLOAT', 'probabilities_calibrated', '-1', classes),
        'unknown_score': _tensor('DT_FLOAT', 'unknown_score', '-1'),
        'p_known': _tensor('DT_FLOAT', 'p_known', '-1'),
        'is_known': _tensor('DT_BOOL', 'is_known', '-1'),
    }
    signature = {
        'inputs': {'image_bytes': _tensor('DT_STRING', 'image_bytes', '-1')},
        'outputs': {
            'classes': _tensor('DT_STRING', 'classes', '-1', classes),
            'scores': _tensor('DT_FLOAT', 'probabilities', '-1', classes),
            **(of_verdict if predictor.info.limits else {}),
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
    """Return the outputs of the model in TensorFlow Serving's format."""
    rows = [_serving_row(result, answer.labels) for result in answer.results]
    if by_column:
        return {'outputs': {name: [row[name] for row in rows] for name in rows[0]}}
    return {'predictions': rows}


def _serving_row(result, labels):
    row = {'classes': labels, 'scores': result.outcome.probabilities.tolist()}
    verdict = result.verdict
    if not verdict:
        return row
    return {
        **row,
        'probabilities_calibrated': verdict.probabilities.tolist(),
        'unknown_score': verdict.unknown_score,
        'p_known': verdict.p_known,
        'is_known': verdict.is_known,
    }
