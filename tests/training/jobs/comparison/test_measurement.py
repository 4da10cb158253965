"""What is measured of a network, for real."""

import os
import subprocess

import pytest

from classifiers import model_info
from classifiers.published import pretrained
from support import training_runs
from support.checkout import ROOT
from support.files import checkpoint_files, patterns, small_models
from training.jobs.comparison import measurement
from training.jobs.comparison.measurement import Request


def test_a_network_with_random_weights(tmp_path):
    data = training_runs.pictures(tmp_path / 'data')
    request = Request('lenet (random)', 'lenet', '', training_runs.DATASET, data, str(tmp_path))
    found = measurement.measure(request)
    assert (found.network, found.image_size, found.pictures, found.folds) == ('lenet', 28, 60, 5)
    assert found.features == 1024
    # Weights in front of the head, and the head's; 4 bytes each.
    weights = 5 * 5 * 32 + 32 + 5 * 5 * 32 * 64 + 64 + 7 * 7 * 64 * 1024 + 1024 + 1025 * 5
    assert found.megabytes == pytest.approx(4 * weights / 1e6)
    assert 0.2 < found.accuracy <= 1
    assert found.milliseconds > 0
    again = measurement.measure(request)
    assert (again.accuracy, again.log_loss) == (found.accuracy, found.log_loss)


@pytest.mark.soak
def test_three_networks_of_one_file_of_weights_compared_by_the_script(tmp_path):
    """At 128, 160 and 192 pixels; the weights are the same."""
    patterns.write(tmp_path / 'data', 'first', {'train': 60, 'validation': 20})
    values = small_models.values(small_models.describe('mobilenet_v1_025', 128, range(1001)))
    names = [f'mobilenet_v1_0.25_{pixels}' for pixels in (128, 160, 192)]
    for name in names:
        folder = tmp_path / 'weights' / name
        checkpoint_files.write(folder, values, f'{name}.ckpt', state=False)
        model_info.write(folder, pretrained.describe(pretrained.choose(name), 'here'))
    places = {
        'DATASET_DIR': tmp_path / 'data',
        'PRETRAINED_DIR': tmp_path / 'weights',
        'HOME': tmp_path,
    }
    command = [ROOT / 'scripts/compare_networks.sh', 'first', f'--output_dir={tmp_path}/out']
    done = subprocess.run(
        command,
        env={**os.environ, **{name: str(path) for name, path in places.items()}},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    results = (tmp_path / 'out/comparison.csv').read_text().splitlines()
    assert sorted(row.split(',')[0] for row in results[1:]) == names
    assert len({row.split(',')[7] for row in results[1:]}) > 1
    assert (tmp_path / 'out/comparison.png').exists()
