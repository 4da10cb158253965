"""No request fails while the files of a model are replaced, in whatever order."""

import os
import threading

import numpy as np

from classifiers import model_info
from common import files
from serving.model import model_holder, model_trial
from serving.model.engines.trial_pictures import trial_pictures
from serving.model.model_options import ModelOptions, PredictorOptions
from support.files import onnx_models, small_models


class Clients:
    """Ask a holder's model again and again, each in a thread, for the length of a `with` block."""

    def __init__(self, holder, count=3):
        self.answers, self.errors = [], []
        self._holder = holder
        self._enough = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(count)]

    def _ask(self):
        while not self._enough.is_set():
            try:
                with self._holder.lease() as predictor:
                    row = predictor.predict(trial_pictures()[:1])[0].probabilities
                    self.answers.append((predictor.labels[0][0], row))
            except Exception as error:
                self.errors.append(error)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._enough.set()
        for thread in self._threads:
            thread.join()


def two_graphs(directory):
    """Freeze two models whose classes begin with 'a' and with 'b'."""
    graphs = []
    for seed, initial in enumerate('ab'):
        names = tuple(f'{initial}{name}' for name in small_models.CLASSES)
        info = small_models.describe(class_names=names)
        trained = small_models.train_dir(directory / f'train{seed}', info, seed)
        graphs.append(small_models.frozen(directory / f'{seed}.pb', trained))
    return graphs


def test_no_request_fails_while_a_frozen_graph_is_replaced(tmp_path):
    first, second = two_graphs(tmp_path)
    served = tmp_path / 'served.pb'

    def publish(graph):
        os.replace(model_info.path_beside(graph), tmp_path / 'served.json')
        os.replace(graph, served)

    publish(first)
    holder = model_holder.for_model(
        ModelOptions(os.fspath(served)), PredictorOptions(max_concurrency=2), lambda line: None
    )
    holder.load()
    with Clients(holder) as clients:
        publish(second)
        holder.poll(holder.poll())
        served.write_bytes(served.read_bytes()[:-100])
        holder.poll(holder.poll())
    assert not clients.errors
    assert holder.version == 2
    assert 'served' in holder.last_error
    for asked in 'ab':
        rows = [row for initial, row in clients.answers if initial == asked]
        assert rows == [] or np.ptp(rows, axis=0).max() < 1e-5
    with holder.lease() as predictor:
        assert predictor.labels == [f'b{name}' for name in small_models.CLASSES]
    holder.close()


def publish_onnx(served, seed, parts=('.onnx', '.json')):
    """Replace some files of an ONNX model by those of another network."""
    fresh = served.parent / f'fresh{seed}'
    fresh.mkdir()
    info = onnx_models.INFO.replace(class_names=tuple(f'{seed}{name}' for name in 'abcde'))
    onnx_models.write(
        fresh, 'served', model=onnx_models.network(onnx_models.weights(seed)), info=info
    )
    for ending in parts:
        os.replace(fresh / f'served{ending}', served / f'served{ending}')


def test_an_onnx_model_without_its_graph_is_replaced_when_both_files_are(tmp_path):
    served, reports = tmp_path / 'served', []
    served.mkdir()
    publish_onnx(served, 1)
    path = os.fspath(served / 'served.onnx')
    trial = model_trial.TrialLimits(secs=600)
    holder = model_holder.for_model(ModelOptions(path), None, reports.append, trial=trial)
    holder.load()
    with Clients(holder) as clients:
        for parts in (['.onnx'], ['.json']):
            publish_onnx(served, 2 if parts == ['.onnx'] else 3, parts)
            holder.poll(holder.poll())
            assert holder.version == 1
            assert 'does not describe' in holder.last_error
        publish_onnx(served, 4)
        holder.poll(holder.poll())
        assert (holder.version, holder.last_error) == (2, '')
        (served / 'served.onnx').write_bytes(b'')
        holder.poll(holder.poll())
        assert holder.version == 2
    assert not clients.errors
    with holder.lease() as predictor:
        assert (predictor.engine, predictor.labels[0]) == ('onnx', '4a')
    holder.close()


def test_while_the_files_of_a_graph_are_copied_its_old_model_stays(tmp_path):
    """A new graph beside the ONNX file of the old one is no reason to load TensorFlow."""
    path = tmp_path / 'served.pb'
    path.write_bytes(b'graph')

    def describe():
        return onnx_models.INFO.replace(graph_sha256=files.digest(path))

    onnx_models.write(tmp_path, 'served', info=describe())
    old = (tmp_path / 'served.onnx').read_bytes()
    holder = model_holder.for_model(ModelOptions(os.fspath(path)), report=lambda line: None)
    holder.load()
    path.write_bytes(b'another graph')
    (tmp_path / 'served.json').unlink()
    model = onnx_models.network(onnx_models.weights(1))
    onnx_models.write(tmp_path, 'served', info=describe(), model=model)
    new = (tmp_path / 'served.onnx').read_bytes()
    for content, version in ((old, 1), (new, 2)):
        (tmp_path / 'served.onnx').write_bytes(content)
        holder.poll(holder.poll())
        assert holder.version == version
        assert bool(holder.last_error) is (version == 1)
    holder.close()
