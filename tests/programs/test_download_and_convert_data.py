"""The program as a user types it; what it does is shown where the library is tested."""

import os
import subprocess
import sys

from support.files.picture_folders import class_folders

SCRIPT = 'download_and_convert_data.py'


def run(*arguments, environment=None):
    command = [sys.executable, SCRIPT, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env=environment
    )


def test_the_flags_of_the_older_tools_convert(tmp_path):
    class_folders(tmp_path / 'img/train', {'gim': 4, 'tuk': 4})
    class_folders(tmp_path / 'img/val', {'gim': 1, 'tuk': 1}, first_seed=50)
    (tmp_path / 'labels').write_text('gim\ntuk\n')
    done = run(
        # Shells leave `~` alone behind an equals sign.
        '--train_directory=~/img/train',
        '--validation_directory=~/img/val',
        '--output_directory=~/tfrecord',
        '--labels_file=~/labels',
        '--train_shards=1',
        '--validation_shards=1',
        '--num_threads=1',
        # Of the last TF-Slim; accepted, without effect.
        '--small_object_area_threshold=0.005',
        '--foreground_class_of_interest=person',
        environment={**os.environ, 'HOME': str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'tfrecord/train-00000-of-00001').is_file()
    assert (tmp_path / 'tfrecord/validation-00000-of-00001').is_file()
    assert 'found 10 = written 10 + skipped 0' in done.stdout
    assert '2 classes: gim, tuk' in done.stdout
    assert f'The records are in {tmp_path}/tfrecord.' in done.stdout


def test_mistakes_are_one_line_and_exit_status_1(tmp_path):
    cases = {
        '--dataset_name=flower': 'known data sets, nearest first: flowers',
        '--foreground_class_of_interest=dog': 'visualwakewords is not supported',
        'flowers': "unexpected argument 'flowers': every option is --name=value",
    }
    for argument, words in cases.items():
        done = run(f'--dataset_dir={tmp_path}', argument)
        assert done.returncode == 1
        assert done.stdout == ''
        assert done.stderr.count('\n') == 1
        assert words in done.stderr
