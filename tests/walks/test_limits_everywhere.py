"""One classifier with limits, asked in every way that there is: the same verdicts."""

import base64
import io
import json
import os

import numpy as np
import pytest

from classifiers.verdicts import KINDS, prediction_set
from heads.limits.limits import FEATURES
from serving import load_classifier
from serving.export import export, saved_model
from serving.export.export_options import ExportOptions
from serving.model.engines.trial_pictures import trial_pictures
from serving.model.model_options import ModelOptions, PredictorOptions
from serving.model.predictor import Predictor
from serving.terminal import classify
from serving.terminal.classify_options import ClassifyOptions
from serving.web.app import create_app
from serving.web.server_options import AppConfig
from serving.web.service import OnlyModel
from support import limits
from support.files import limited_models, onnx_models, small_models

LAYER = 'pool2'
NUMBERS = ('unknown_score', 'p_known', 'is_known')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Return a folder with a train_dir that has limits, pictures, and the exported models."""
    folder = tmp_path_factory.mktemp('everywhere')
    train_dir = small_models.train_dir(folder / 'train')
    limits.write(train_dir, limited_models.learnt(train_dir, LAYER))
    for kind, name in (('frozen', 'x.pb'), ('saved_model', 'saved')):
        options = ExportOptions(
            output_file=str(folder / name), checkpoint_path=train_dir, format=kind
        )
        export.export(options, report=lambda line: None)
    onnx_models.write_beside(folder / 'x.pb')
    for number, data in enumerate(trial_pictures()):
        (folder / f'{number}.jpg').write_bytes(data)
    return folder


@pytest.fixture(scope='module')
def known(folder):
    return limited_models.learnt(folder / 'train', LAYER)


@pytest.fixture(scope='module')
def expected(folder, known):
    """Return the verdicts about the trial pictures, computed with NumPy."""
    found = limited_models.outputs_of(folder / 'train', trial_pictures(), LAYER)
    logits, features, maps = found
    verdicts = known.apply(logits, {FEATURES: features, LAYER: maps})
    assert verdicts.is_known.sum() == 2
    return verdicts


def check(expected, rows, calibrated):
    """Compare {name: value} of each picture, and its calibrated probabilities."""
    found = np.array([[float(row[name]) for name in NUMBERS] for row in rows])
    wanted = np.stack([expected.unknown_scores, expected.p_known, expected.is_known], axis=1)
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    np.testing.assert_allclose(calibrated, expected.probabilities, atol=1e-4)


@pytest.fixture(
    params=[('train', 'tensorflow'), ('x.pb', 'tensorflow'), ('x.onnx', 'onnx')],
    ids=lambda param: param[0],
)
def model(request, folder):
    """Return (path of a model, its engine)."""
    name, engine = request.param
    return os.fspath(folder / name), engine


def test_the_program(model, folder, expected):
    path, engine = model
    stream = io.StringIO()
    options = ClassifyOptions(
        model=path,
        paths=tuple(os.fspath(folder / f'{number}.jpg') for number in range(4)),
        format='json',
        of_predictor=PredictorOptions(engine=engine),
    )
    assert classify.classify(options, stream) == 0
    rows = json.loads(stream.getvalue())
    by_label = [{each['label']: each['calibrated'] for each in row['predictions']} for row in rows]
    check(expected, rows, [[row[label] for label in range(5)] for row in by_label])


def test_the_server(model, expected):
    path, engine = model
    encoded = [{'b64': base64.b64encode(data).decode()} for data in trial_pictures()]
    with Predictor(ModelOptions(path), PredictorOptions(engine=engine)) as predictor:
        client = create_app(OnlyModel(predictor), AppConfig(name='model')).test_client()
        rows = client.post('/api/classify?top=5', json={'images': encoded}).json['results']
        body = {'instances': encoded}
        predicted = client.post('/v1/models/model:predict', json=body).json['predictions']
    by_index = [{each['index']: each['calibrated'] for each in row['predictions']} for row in rows]
    check(expected, rows, [[row[index] for index in range(5)] for row in by_index])
    check(expected, predicted, [row['probabilities_calibrated'] for row in predicted])


def test_the_library(model, known, expected):
    path, engine = model
    with load_classifier(path, engine=engine) as classifier:
        found = classifier.classify(list(trial_pictures()))
    check(expected, [vars(each) for each in found], [each.calibrated for each in found])
    for each, probabilities in zip(found, expected.probabilities, strict=True):
        outputs = prediction_set(probabilities, known.described())
        assert each.likely == tuple(small_models.CLASSES[output] for output in outputs)


def test_the_saved_model(folder, expected):
    with Predictor(ModelOptions(folder / 'x.pb')) as predictor:
        info = predictor.info
    found = saved_model.outputs(str(folder / 'saved'), info, list(trial_pictures()))
    rows = [{name: found[name][number] for name in NUMBERS} for number in range(4)]
    check(expected, rows, found[KINDS[0]])
