"""One picture takes one way: evaluation, checkpoint and frozen graph tell the same of it."""

import io
import json
import os

import numpy as np
import pytest

from common import labels
from datasets import dataset_factory
from datasets.records import manifest
from serving.export import export
from serving.export.export_options import ExportOptions
from serving.terminal.classify import classify
from serving.terminal.classify_options import ClassifyOptions
from support import families
from support.files import pictures, records, small_models
from training.evaluation.evaluator import Evaluator

NAME = 'varied'
VARIED = {name: case.data for name, case in sorted(pictures.all_good().items())}


def normalised():
    return {name: pictures.normalise(data).data for name, data in VARIED.items()}


def evaluated(directory, info, checkpoint_dir):
    """Return {file name: probabilities} as an evaluation over records has them."""
    examples = [
        records.example(data, number % len(small_models.CLASSES), name)
        for number, (name, data) in enumerate(normalised().items())
    ]
    records.write(directory / manifest.shard_name(NAME, 'validation', 0, 1), examples)
    labels.write_labels(directory / 'labels.txt', small_models.CLASSES)
    found, batches = {}, []
    dataset = dataset_factory.get_dataset(NAME, 'validation', str(directory))
    with Evaluator(info, dataset, batch_size=7) as evaluator:
        evaluator.evaluate(os.path.join(checkpoint_dir, 'model.ckpt-1'), batches.append)
    for batch in batches:
        found.update(zip(batch.file_names, np.exp(batch.log_probabilities), strict=True))
    return found


def classified(model, folder):
    """Return {file name: probabilities} as classify_image.py prints them."""
    stream = io.StringIO()
    options = ClassifyOptions(model=model, paths=(str(folder),), format='json', batch_size=5)
    assert classify(options, stream) == 0
    return {
        os.path.basename(row['file']): [
            best['probability'] for best in sorted(row['predictions'], key=lambda p: p['label'])
        ]
        for row in json.loads(stream.getvalue())
    }


def check(name, side, tmp_path, **given):
    info = small_models.describe(name, side, **given)
    weights = small_models.telling(info, list(normalised().values()))
    directory = small_models.train_dir(tmp_path / 'train', info, weights=weights)
    graph = str(tmp_path / 'frozen.pb')
    export.export(
        ExportOptions(output_file=graph, checkpoint_path=directory, format='frozen'),
        report=lambda line: None,
    )
    folder = tmp_path / 'pictures'
    folder.mkdir()
    for file_name, data in VARIED.items():
        (folder / file_name).write_bytes(data)
    expected = evaluated(tmp_path, info, directory)
    assert len(expected) == len(VARIED) >= 50
    rows = np.array([expected[file_name] for file_name in VARIED])
    assert np.ptp(rows, axis=0).max() > 0.1
    for model in (directory, graph):
        found = classified(model, folder)
        found = np.array([found[file_name] for file_name in VARIED])
        np.testing.assert_allclose(found, rows, atol=1e-4)
        clear = np.diff(np.sort(rows, axis=1)[:, -2:], axis=1)[:, 0] > 2e-4
        assert (found.argmax(1) == rows.argmax(1))[clear].all()


def test_pictures_of_every_kind_take_one_way_in_grey(tmp_path):
    check('lenet', 28, tmp_path, use_grayscale=True)


@pytest.mark.soak
@pytest.mark.parametrize('name', families.TELLING)
def test_pictures_of_every_kind_take_one_way(name, tmp_path):
    check(name, families.TELLING[name], tmp_path)
