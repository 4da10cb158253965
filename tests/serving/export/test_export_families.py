"""One network of each family: the same probabilities from checkpoint and from every format."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from classifiers import model_info
from serving.export import export
from serving.export.export_options import ExportOptions
from serving.graphdef import graph_nodes, graph_safety
from support import families
from support.files import frozen_graphs, records, small_models


@pytest.mark.soak
@pytest.mark.parametrize('name', families.TELLING)
def test_every_format_tells_the_same(name, tmp_path):
    info = small_models.describe(name, image_size=families.TELLING[name])
    directory = small_models.train_dir(tmp_path / 'train', info)
    pictures = [records.encoded(records.picture(number, 90, 120)) for number in range(3)]
    checkpoint = tf.train.latest_checkpoint(directory)
    feed = {'image_bytes:0': pictures}
    unfolded = small_models.graph_def(checkpoint, info)
    expected = frozen_graphs.run(unfolded, feed, 'probabilities:0')
    assert np.ptp(expected, axis=1).min() > 0.01
    path = str(tmp_path / 'frozen.pb')
    _export(directory, path, 'frozen')
    frozen = graph_nodes.read_graph_def(path)
    assert graph_safety.check(path, frozen) == ()
    found = frozen_graphs.run(frozen, feed, 'probabilities:0')
    # Folding rounds differently; over the many layers of MobileNet v2 this adds up to 2e-5.
    np.testing.assert_allclose(found, expected, atol=5e-5)
    assert model_info.read_beside(path).graph_sha256
    for kind in ('saved_model', 'tflite', 'onnx'):
        # It raises when a probability differs by more than 0.001.
        _export(directory, str(tmp_path / kind), kind)


def _export(directory, path, kind):
    options = ExportOptions(
        output_file=path, checkpoint_path=directory, format=kind, num_check_pictures=3
    )
    export.export(options, report=lambda line: None)
