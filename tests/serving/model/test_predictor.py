"""The predictor answers many callers at once, each as if it were alone."""

import threading

import numpy as np
import pytest

from classifiers import model_info
from common.errors import UserError
from pictures.gate import BadImage
from serving.model.engines.trial_pictures import trial_pictures
from serving.model.model_options import ModelOptions, PredictorOptions
from serving.model.predictor import Predictor, top
from support.files import checkpoint_files, onnx_models, small_models


@pytest.fixture(scope='module', params=['tensorflow', 'onnx'])
def model(request, graph, tmp_path_factory):
    """Return the path of a model for each engine."""
    if request.param == 'tensorflow':
        return graph
    return onnx_models.write(tmp_path_factory.mktemp('onnx'))


def rows(outcomes):
    """Return the probabilities of Outcomes, [pictures, classes]."""
    return np.stack([each.probabilities for each in outcomes])


def one_by_one(model):
    """Return the probabilities of the trial pictures, each classified alone."""
    with Predictor(ModelOptions(model), PredictorOptions(max_concurrency=1)) as predictor:
        return rows([predictor.predict([picture])[0] for picture in trial_pictures()])


@pytest.fixture(scope='module')
def alone(model):
    return one_by_one(model)


@pytest.fixture(scope='module')
def of_graph(graph):
    return one_by_one(graph)


def test_it_is_ready_when_it_is_made_and_says_what_it_chose(directory):
    report = []
    with Predictor(ModelOptions(directory), report=report.append, version=7) as predictor:
        found = rows(predictor.predict(trial_pictures()[:3]))
        assert found.shape == (3, 5)
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
        assert predictor.labels == list(small_models.CLASSES)
        assert predictor.info.model_name == 'lenet'
        assert (predictor.version, predictor.precision) == (7, 'float32')
        assert predictor.engine == 'tensorflow'
        assert (predictor.queued, predictor.running) == (0, 0)
        assert predictor.predict([]) == []
    assert report == list(predictor.lines)
    assert any('preprocessing lenet' in line for line in report)


def test_a_checkpoint_and_its_frozen_graph_agree(directory, of_graph):
    with Predictor(ModelOptions(directory)) as predictor:
        np.testing.assert_allclose(rows(predictor.predict(trial_pictures())), of_graph, atol=1e-4)


def test_moving_averages_are_used_where_the_model_was_trained_with_them(tmp_path, of_graph):
    info = small_models.describe(moving_average_decay=0.9)
    raw = small_models.values(info, seed=1)
    averages = {
        f'{name}/ExponentialMovingAverage': value
        for name, value in small_models.values(info).items()
    }
    checkpoint_files.write(tmp_path, {**raw, **averages}, step=1)
    model_info.write(tmp_path, info)
    results = {}
    for use in (None, False):
        with Predictor(ModelOptions(tmp_path, use_moving_averages=use)) as predictor:
            results[use] = rows(predictor.predict(trial_pictures()))
    np.testing.assert_allclose(results[None], of_graph, atol=1e-4)
    assert abs(results[False] - of_graph).max() > 1e-3
    (tmp_path / 'model.json').unlink()
    asked = ModelOptions(tmp_path, model_name='lenet', use_moving_averages=True)
    with Predictor(asked) as predictor:
        np.testing.assert_allclose(rows(predictor.predict(trial_pictures())), of_graph, atol=1e-4)


@pytest.mark.parametrize(
    'options',
    [
        PredictorOptions(max_concurrency=3),
        PredictorOptions(max_concurrency=2, max_batch_size=5, batch_wait_ms=5),
    ],
    ids=['side by side', 'in batches'],
)
def test_answers_do_not_depend_on_who_else_asks(model, alone, options):
    sizes, wrong = [], []

    def ask(predictor, shift):
        for turn in range(5):
            chosen = [(shift + turn + i) % len(alone) for i in range(1 + turn % 3)]
            found = rows(predictor.predict([trial_pictures()[i] for i in chosen]))
            if abs(found - alone[chosen]).max() > 1e-5:
                wrong.append(chosen)

    with Predictor(ModelOptions(model), options, observe=lambda n, _: sizes.append(n)) as predictor:
        threads = [threading.Thread(target=ask, args=(predictor, i)) for i in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong
    assert sum(sizes) == 6 * 9
    assert max(sizes) <= options.max_batch_size if options.max_batch_size else max(sizes) == 1


def test_a_bad_picture_spoils_no_other(model, alone):
    options = PredictorOptions(max_concurrency=1, max_batch_size=8, batch_wait_ms=50)
    results = {}

    def ask(name, pictures):
        results[name] = predictor.outcomes(pictures)

    with Predictor(ModelOptions(model), options) as predictor:
        good = list(trial_pictures())
        requests = {'good': good, 'bad': [b'\xff\xd8\xff no picture', good[0]]}
        threads = [threading.Thread(target=ask, args=item) for item in requests.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with pytest.raises(BadImage, match=r'cannot read|damaged'):
            predictor.predict(requests['bad'])
    np.testing.assert_allclose(rows(results['good']), alone, atol=1e-5)
    assert isinstance(results['bad'][0], BadImage)
    np.testing.assert_allclose(results['bad'][1].probabilities, alone[0], atol=1e-5)


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'precision': 'float8'}, 'float8'),
        ({'max_concurrency': 0}, '--max_concurrency=0'),
        ({'batch_wait_ms': -1}, '--batch_wait_ms=-1'),
    ],
)
def test_options_are_checked(graph, options, words):
    with pytest.raises(UserError, match=words):
        Predictor(ModelOptions(graph), PredictorOptions(**options))


def test_the_best_come_first_and_ties_in_their_order():
    assert top(np.array([0.2, 0.5, 0.2, 0.1], np.float32), 3) == [
        (1, 0.5),
        (0, pytest.approx(0.2)),
        (2, pytest.approx(0.2)),
    ]
    assert len(top(np.ones(2), 5)) == 2
