"""One classifier, asked in every way that there is: the same classes, the same probabilities."""

import base64
import io
import json

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from classifiers import model_info
from serving.export import export, saved_model
from serving.export.export_options import ExportOptions
from serving.model.model_options import ModelOptions, PredictorOptions
from serving.model.predictor import Predictor
from serving.terminal import classify
from serving.terminal.classify_options import ClassifyOptions
from serving.web.app import create_app
from serving.web.server_options import AppConfig
from serving.web.service import OnlyModel
from support import families, training_runs
from support.files import classifier_files, onnx_models, pictures, records, small_models
from training.evaluation.evaluator import Evaluator


def varied_pictures(count):
    """Map names to files of every kind, size and orientation."""
    found = {
        name.replace(' ', '_'): good.data
        for name, good in pictures.all_good().items()
        if not name.endswith('.tif')
    }
    for number in range(8):
        drawn = records.picture(number, 37 + 90 * number, 500 - 55 * number)
        found[f'drawn_{number}.jpg'] = records.encoded(drawn)
    chosen = sorted(found)
    step = max(1, len(chosen) // count)
    return {name: found[name] for name in chosen[::step][:count]}


def write_classifier(tmp_path, name, files):
    """Return (description, train_dir)."""
    info = small_models.describe(name, image_size=families.TELLING[name])
    gated = [pictures.normalise(data).data for data in files.values()]
    directory = small_models.train_dir(
        tmp_path / 'train', info, weights=small_models.telling(info, gated)
    )
    return info, directory


def write_graphs(tmp_path, directory):
    """Write a SavedModel and a frozen graph of a train_dir; return the path of the graph."""
    path = str(tmp_path / 'frozen.pb')
    for kind, where in (('frozen', path), ('saved_model', str(tmp_path / 'saved_model'))):
        options = ExportOptions(
            output_file=where, checkpoint_path=directory, format=kind, num_check_pictures=2
        )
        export.export(options, report=lambda line: None)
    return path


def from_evaluation(tmp_path, info, directory, gated):
    """Return the probabilities that an evaluation of the same pictures computes."""
    data = classifier_files.write_data(tmp_path / 'data', [0] * len(gated), classes=5)
    (shard,) = data.glob('*.tfrecord')
    manifest = next(data.glob('*.manifest.json'), None)
    if manifest:
        manifest.unlink()
    records.write(shard, [records.example(item, 0, f'{n}.jpg') for n, item in enumerate(gated)])
    batches = []
    with Evaluator(info, classifier_files.dataset(data), batch_size=7) as evaluator:
        evaluator.evaluate(tf.train.latest_checkpoint(directory), batches.append)
    return np.exp(np.concatenate([batch.log_probabilities for batch in batches]))


def from_program(path, tmp_path, files, engine):
    """Return the probabilities that classify_image.py prints."""
    folder = tmp_path / 'pictures'
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    stream = io.StringIO()
    paths = tuple(str(folder / name) for name in files)
    options = ClassifyOptions(
        model=path,
        paths=paths,
        format='json',
        num_top_predictions=5,
        of_predictor=PredictorOptions(engine=engine),
    )
    assert classify.classify(options, stream) == 0
    return [
        _in_order((each['class'], each['probability']) for each in item['predictions'])
        for item in json.loads(stream.getvalue())
    ]


def _in_order(pairs):
    return [value for _, value in sorted(pairs)]


def from_server(path, files, engine):
    """Yield (way of asking, probabilities) of the server."""
    with Predictor(ModelOptions(path), PredictorOptions(engine=engine)) as predictor:
        assert predictor.engine == engine
        client = create_app(OnlyModel(predictor), AppConfig(name='model')).test_client()
        encoded = {name: base64.b64encode(data).decode() for name, data in files.items()}
        ways = {
            'raw': lambda name: {'data': files[name]},
            'form': lambda name: {'data': {'file': (io.BytesIO(files[name]), name)}},
            'base64': lambda name: {'json': {'image': encoded[name]}},
        }
        for way, request in ways.items():
            answers = [client.post('/api/classify?top=9', **request(name)).json for name in files]
            yield (
                way,
                [
                    _in_order(
                        (each['index'], each['probability'])
                        for each in answer['results'][0]['predictions']
                    )
                    for answer in answers
                ],
            )
        rows = [
            client.post('/v1/models/model:predict', json={'instances': [{'b64': item}]}).json
            for item in encoded.values()
        ]
        yield ':predict', [row['predictions'][0]['scores'] for row in rows]


def compare(tmp_path, name, count):
    files = varied_pictures(count)
    assert len(files) == count
    compare_ways(tmp_path, files, *write_classifier(tmp_path, name, files))


def compare_ways(tmp_path, files, info, directory):
    path = write_graphs(tmp_path, directory)
    gated = [pictures.normalise(data).data for data in files.values()]
    expected = from_evaluation(tmp_path, info, directory, gated)
    assert np.ptp(expected, axis=0).max() > 0.05  # It does tell pictures apart.
    found = {
        'classify_image, checkpoint': from_program(directory, tmp_path, files, 'auto'),
        'SavedModel': saved_model.outputs(str(tmp_path / 'saved_model'), info, gated)[
            'probabilities'
        ],
    }
    onnx_models.write_beside(path)
    for engine in ('tensorflow', 'onnx'):
        found[f'classify_image, {engine}'] = from_program(path, tmp_path, files, engine)
        ways = from_server(path, files, engine)
        found.update({f'{way}, {engine}': rows for way, rows in ways})
    for way, rows in found.items():
        np.testing.assert_allclose(rows, expected, atol=1e-4, err_msg=way)
        is_clear = np.diff(np.sort(expected, axis=1)[:, -2:], axis=1)[:, 0] > 2e-4
        assert (np.argmax(rows, 1) == expected.argmax(1))[is_clear].all(), way


def test_every_way_gives_the_same(tmp_path):
    compare(tmp_path, 'lenet', count=10)


def test_every_way_gives_the_same_for_an_exact_head(tmp_path):
    runs = training_runs.Runs(training_runs.pictures(tmp_path / 'records'), tmp_path)
    runs.train(optimizer='lbfgs', learning_rate=0.01, model_name='cifarnet', seed=1)
    info = model_info.read_beside(runs.path())
    compare_ways(tmp_path, varied_pictures(10), info, runs.path())


@pytest.mark.parametrize(
    ('name', 'preprocessing'),
    [('cifarnet', 'cifarnet'), ('cifarnet', 'vgg'), ('mobilenet_v1_025', 'inception')],
)
def test_the_engines_agree(name, preprocessing, tmp_path):
    gated = [pictures.normalise(data).data for data in varied_pictures(8).values()]
    size = families.TELLING[name]
    info = small_models.describe(name, image_size=size, preprocessing_name=preprocessing)
    weights = small_models.telling(info, gated)
    directory = small_models.train_dir(tmp_path / 'train', info, weights=weights)
    path = small_models.frozen(tmp_path / 'frozen.pb', directory)
    onnx_models.write_beside(path)
    rows = []
    for engine in ('tensorflow', 'onnx'):
        with Predictor(ModelOptions(path), PredictorOptions(engine=engine)) as predictor:
            rows.append([each.probabilities for each in predictor.predict(gated)])
    assert np.ptp(rows[0], axis=0).max() > 0.05
    np.testing.assert_allclose(*rows, atol=1e-4)


@pytest.mark.soak
@pytest.mark.parametrize('name', families.TELLING)
def test_every_way_gives_the_same_for_fifty_pictures(name, tmp_path):
    compare(tmp_path, name, count=50)
