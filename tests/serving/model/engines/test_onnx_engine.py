"""Run models with ONNX Runtime, and refuse files that do not fit their description."""

import threading

import numpy as np
import onnx
import pytest

from common.errors import UserError
from pictures import decode
from pictures.kinds import BadImage, ImageTooLarge
from preprocessing import arrays
from serving.model.engines import choice, comparison, onnx_engine, onnx_network, rows
from serving.model.engines.trial_pictures import trial_pictures
from serving.model.model_options import ModelOptions, PredictorOptions
from support.files import onnx_models

INFINITE = onnx_models.weights() * np.inf


def loaded(path, options=None, **flags):
    engine = choice.load(ModelOptions(path, **flags), options or PredictorOptions())
    assert engine.name == 'onnx'
    return engine


def expected(pictures, recipe='lenet', seed=0):
    """Compute the probabilities with NumPy."""
    images = [arrays.prepare(decode.pixels(each, 1), recipe, 28, 28) for each in pictures]
    return rows.softmax(np.reshape(images, (len(images), -1)) @ onnx_models.weights(seed))


@pytest.mark.parametrize(
    'options',
    [
        {},
        {'outputs': ('logits:0',)},
        {'shape': (1, 28, 28, 1)},
        {'info': onnx_models.INFO.replace(nodes={'output': 'probabilities'})},
    ],
    ids=['whole', 'only logits', 'one picture per run', 'another description'],
)
def test_the_probabilities_are_those_of_the_network(options, tmp_path):
    engine = loaded(onnx_models.write(tmp_path, **options))
    found = engine.run(list(trial_pictures())).probabilities
    np.testing.assert_allclose(found, expected(trial_pictures()), atol=1e-6)
    assert found.dtype == np.float32
    assert engine.precision == 'float32'
    assert engine.info.num_classes == 5
    engine.close()


@pytest.mark.parametrize('cores', [1, 2, 8])
def test_runs_side_by_side_give_the_same_answers(cores, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_network.processors, 'available', lambda: cores)
    engine = loaded(onnx_models.write(tmp_path))
    wanted, wrong = expected(trial_pictures()), []

    def ask():
        for _ in range(20):
            if abs(engine.run(list(trial_pictures())).probabilities - wanted).max() > 1e-5:
                wrong.append(1)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(
    ('cores', 'num_runs', 'threads'),
    [(8, None, [8, 1]), (8, 1, [8]), (8, 2, [4]), (8, 100, [1]), (1, None, [1])],
)
def test_the_cores_are_shared_by_the_runs(cores, num_runs, threads, tmp_path, monkeypatch):
    opened = []
    open_session = onnx_network._open

    def count(path, num_threads):
        opened.append(num_threads)
        return open_session(path, 1)

    monkeypatch.setattr(onnx_network.processors, 'available', lambda: cores)
    monkeypatch.setattr(onnx_network, '_open', count)
    onnx_network.OnnxNetwork(onnx_models.write(tmp_path), onnx_models.INFO, num_runs)
    assert opened == threads


@pytest.mark.parametrize(
    ('options', 'num_runs'),
    [
        ({}, None),
        ({'max_concurrency': 1}, 1),
        ({'num_pictures': 3}, 3),
        ({'num_pictures': 3, 'max_batch_size': 2}, 1),
    ],
)
def test_one_session_is_enough_if_the_number_of_runs_is_known(
    options, num_runs, tmp_path, monkeypatch
):
    given = []

    class Network(onnx_network.OnnxNetwork):
        def __init__(self, path, info, num_runs=None):
            given.append(num_runs)
            super().__init__(path, info, num_runs)

    monkeypatch.setattr(onnx_network.processors, 'available', lambda: 8)
    monkeypatch.setattr(onnx_engine, 'OnnxNetwork', Network)
    loaded(onnx_models.write(tmp_path), PredictorOptions(**options))
    assert given == [num_runs]


def test_each_of_many_runs_uses_one_core(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_network.processors, 'available', lambda: 2)
    path = onnx_models.write(tmp_path)
    network = onnx_network.OnnxNetwork(path, onnx_models.INFO)
    used = []

    def run(inside=lambda: None):
        with network._session() as session:
            used.append('all' if session is network._wide else 'one')
            inside()

    run()
    run(inside=run)
    run()  # Many runs may have a short break.
    run()
    assert used == ['all', 'all', 'one', 'one', 'all']


def with_weights_elsewhere():
    model = onnx_models.network(onnx_models.weights())
    tensor = model.graph.initializer[0]
    onnx.external_data_helper.set_external_data(tensor, '/etc/hostname', length=15680)
    tensor.ClearField('raw_data')
    return model


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'model': b'\x08\x08\x12\x05tests no model at all'}, 'cannot load this model'),
        ({'model': onnx_models.network(INFINITE)}, 'numbers that are not finite'),
        ({'info': onnx_models.INFO.replace(num_classes=4, class_names=())}, 'returns 5 numbers'),
        ({'shape': ('batch', 14, 56, 1)}, r'float images \[28, 28, 1\]'),
        ({'shape': ('batch', 1, 28, 28)}, r'float images \[28, 28, 1\]'),
        ({'dtype': onnx.TensorProto.UINT8}, 'uint8'),
        ({'inputs': ('input:0', 'more:0')}, 'its inputs are input:0: .*, more:0'),
        ({'info': onnx_models.INFO.replace(nodes={})}, 'no output probabilities or logits, but'),
        ({'model': with_weights_elsewhere()}, 'weights in other files'),
    ],
)
def test_an_unfit_file_is_refused_in_one_line(options, words, tmp_path):
    path = onnx_models.write(tmp_path, **options)
    with pytest.raises(UserError, match=words) as caught:
        loaded(path)
    assert str(caught.value).startswith(f'{path}: ')
    assert '\n' not in str(caught.value)


def test_a_name_that_contains_location_is_no_reference_to_a_file(tmp_path):
    model = onnx_models.network(onnx_models.weights())
    model.graph.name = 'dislocation'
    loaded(onnx_models.write(tmp_path, model=model))


@pytest.mark.parametrize(
    ('flags', 'words'),
    [
        ({'image_size': 32}, 'takes pictures of 28 pixels'),
        ({'input_width': 32}, 'takes pictures of 28 pixels'),
        ({'use_moving_averages': False}, 'has fixed weights'),
        ({'model_name': 'vgg_16'}, '--model_name=vgg_16 contradicts'),
        ({'labels_offset': 1}, '--labels_offset=1 contradicts'),
        ({'input_layer': 'input'}, '--input_layer needs the graph'),
        ({'input_mean': 0.0}, '--input_mean needs the graph'),
    ],
)
def test_options_that_the_file_cannot_follow_are_refused(flags, words, tmp_path):
    with pytest.raises(UserError, match=words):
        loaded(onnx_models.write(tmp_path), **flags)


def test_another_preprocessing_is_used_and_logged(tmp_path):
    path = onnx_models.write(tmp_path)
    engine = loaded(path, preprocessing_name='inception', image_size=28)
    wanted = expected(trial_pictures(), 'inception')
    np.testing.assert_allclose(engine.run(list(trial_pictures())).probabilities, wanted, atol=1e-6)
    assert any(
        'Using preprocessing inception (as requested; lenet' in line for line in engine.lines
    )
    (warning,) = (line for line in engine.lines if line.startswith('WARNING'))
    assert 'preprocessing inception contradicts' in warning
    assert not any('WARNING' in line for line in loaded(path, preprocessing_name='lenet').lines)


def test_a_bad_picture_is_refused(tmp_path, monkeypatch):
    engine = loaded(onnx_models.write(tmp_path))
    assert engine.refuses_damaged
    for picture in trial_pictures()[:2]:
        with pytest.raises(BadImage):
            engine.run([picture[:-2]])

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(onnx_engine.decode, 'pixels', fail)
    with pytest.raises(ImageTooLarge, match='too large for the memory'):
        engine.run(list(trial_pictures()))


@pytest.mark.parametrize(
    ('seconds', 'seed', 'chosen'),
    [((5, 4), 0, 'int8'), ((5, 4.9), 0, 'float32'), ((5, 4), 1, 'float32')],
    ids=['faster', 'hardly faster', 'other classes'],
)
def test_auto_takes_int8_where_it_is_worth_it(seconds, seed, chosen, tmp_path, monkeypatch):
    monkeypatch.setattr(comparison, 'times_ms', lambda runs, batch: seconds)
    path = onnx_models.write(tmp_path)
    other = onnx_models.network(onnx_models.weights(seed))
    onnx_models.write(tmp_path, precision='int8', model=other)
    engine = loaded(path, PredictorOptions(precision='auto'))
    assert engine.precision == chosen
    assert any(
        f'Using {chosen}: 5' in line or f'Using {chosen}: 4' in line for line in engine.lines
    )
    wanted = expected(trial_pictures(), seed=seed if chosen == 'int8' else 0)
    np.testing.assert_allclose(engine.run(list(trial_pictures())).probabilities, wanted, atol=1e-6)


def test_the_int8_file_is_used_on_request_or_by_name(tmp_path):
    path = onnx_models.write(tmp_path)
    other = onnx_models.network(onnx_models.weights(1))
    named = onnx_models.write(tmp_path, precision='int8', model=other)
    for engine in (loaded(path, PredictorOptions(precision='int8')), loaded(named)):
        assert engine.precision == 'int8'
        wanted = expected(trial_pictures(), seed=1)
        np.testing.assert_allclose(
            engine.run(list(trial_pictures())).probabilities, wanted, atol=1e-6
        )


@pytest.mark.parametrize('words', ['std::bad_alloc', 'Failed to allocate memory for 9 bytes'])
def test_an_error_about_memory_is_a_memory_error(words, tmp_path, monkeypatch):
    class Full:
        def run(self, *_):
            raise RuntimeError(f'[ONNXRuntimeError] : 1 : FAIL : {words}')

    def no_memory(*_, **__):
        Full().run()

    path = onnx_models.write(tmp_path)
    engine = loaded(path)
    engine._network._wide = engine._network._narrow = Full()
    with pytest.raises(ImageTooLarge, match='memory'):
        engine.run(list(trial_pictures()))
    monkeypatch.setattr(onnx_network.onnxruntime, 'InferenceSession', no_memory)
    with pytest.raises(MemoryError, match=words):
        loaded(path)
