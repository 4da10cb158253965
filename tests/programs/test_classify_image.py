"""The program as a user types it; what it does is shown where the library is tested."""

import csv
import io
import os
import subprocess
import sys

import pytest

from common import cli
from serving.terminal import classify
from serving.terminal.classify_options import ClassifyOptions
from support.files import onnx_models, pictures, small_models

SCRIPT = 'classify_image.py'


def run(*arguments, **options):
    command = [sys.executable, SCRIPT, *map(str, arguments)]
    options = {'text': True, **options}
    return subprocess.run(command, capture_output=True, timeout=300, check=False, **options)


@pytest.fixture(scope='module')
def directory(tmp_path_factory):
    return small_models.train_dir(tmp_path_factory.mktemp('models') / 'train')


def test_a_folder_a_pattern_and_standard_input_are_classified(directory, tmp_path):
    good = pictures.all_good()
    for name in ('baseline.jpg', 'alpha.png', 'still.gif'):
        (tmp_path / name).write_bytes(good[name].data)
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'folder/broken.jpg').write_bytes(good['baseline.jpg'].data[:200])
    done = run(
        '-',
        f'--model={directory}',
        tmp_path / 'folder',
        tmp_path / '*.*',
        '--format=csv',
        '--num_top_predictions=2',
        input=good['lossy.webp'].data,
        text=False,
    )
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode())))
    assert [os.path.basename(row['file']) for row in rows] == [
        '-',
        'broken.jpg',
        'alpha.png',
        'baseline.jpg',
        'still.gif',
    ]
    assert [bool(row['error']) for row in rows] == [False, True, False, False, False]
    assert {row['class_2'] for row in rows} <= {*small_models.CLASSES, ''}
    assert done.returncode == 1
    assert b'Using preprocessing lenet (from' in done.stderr
    assert b'Traceback' not in done.stderr


def test_an_onnx_model_is_used_without_tensorflow(missing_tensorflow, tmp_path):
    names = ('alpha.png', 'baseline.jpg', 'lossy.webp', 'still.gif')
    for name in names:
        (tmp_path / name).write_bytes(pictures.all_good()[name].data)
    model = onnx_models.write(tmp_path)
    done = run(f'--model={model}', '--format=csv', *(tmp_path / name for name in names))
    assert missing_tensorflow() == []
    assert (done.returncode, 'Using ONNX Runtime' in done.stderr) == (0, True)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [os.path.basename(row['file']) for row in rows] == list(names)
    assert {row['class_1'] for row in rows} <= set(onnx_models.CLASSES)


def classified(*arguments):
    """Classify in this process as the program would with these arguments."""
    return classify.classify(cli.read(ClassifyOptions, [*map(str, arguments)]))


def test_the_flags_of_label_image_work(directory, tmp_path, capsys):
    graph = small_models.frozen(tmp_path / 'g.pb', directory, described=False, with_bytes=False)
    (tmp_path / 'names.txt').write_text('\n'.join(small_models.CLASSES))
    (tmp_path / 'a.png').write_bytes(pictures.all_good()['colour.png'].data)
    status = classified(
        f'--graph={graph}',
        f'--labels={tmp_path}/names.txt',
        f'--image={tmp_path}/a.png',
        '--input_layer=input',
        '--output_layer=Predictions/Reshape_1',
        '--input_mean=128',
        '--input_std=128',
        '--input_width=28',
        '--input_height=28',
    )
    assert status == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert {line.split()[0] for line in lines} == set(small_models.CLASSES)


def test_mistakes_are_one_line_and_exit_status_1(directory, tmp_path):
    cases = {
        ('x.jpg',): 'error: --model: name a training directory',
        ('--model=a', '--graph=b', 'x.jpg'): '--model=a and --graph=b contradict each other',
        ('--modle=a',): "Unknown command line flag 'modle'",
        (f'--model_file={tmp_path}/no.pb', '--image_file=x'): 'no.pb: No such file or directory',
    }
    for arguments, words in cases.items():
        done = run(*arguments)
        assert done.returncode == 1
        assert done.stdout == ''
        assert words in done.stderr.splitlines()[-1]
        assert 'Traceback' not in done.stderr


def test_closed_standard_input_is_an_error_in_the_row_of_the_picture(
    directory, capsys, monkeypatch
):
    monkeypatch.setattr(sys, 'stdin', None)  # As Python starts with a closed standard input.
    assert classified(f'--model={directory}', '-') == 1
    assert capsys.readouterr().out == '-  error: standard input is closed\n'


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='needs a device that is always full')
@pytest.mark.parametrize(
    'form', ['table', *(pytest.param(form, marks=pytest.mark.soak) for form in ('csv', 'json'))]
)
def test_a_full_disk_behind_the_results_is_one_line(form, directory, tmp_path):
    (tmp_path / 'a.png').write_bytes(pictures.all_good()['colour.png'].data)
    command = [sys.executable, SCRIPT, f'--model={directory}', f'--format={form}', str(tmp_path)]
    with open('/dev/full', 'w') as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == 'error: standard output: No space left on device'
    assert 'Traceback' not in done.stderr


@pytest.mark.soak
def test_memory_stays_flat_over_500_files_of_which_20_are_bad(directory, tmp_path):
    peaks = {}
    for count in (100, 500):
        folder = tmp_path / str(count)
        folder.mkdir()
        photograph = pictures.encoded(pictures.as_image(pictures.colours(1600, 1200)), 'JPEG')
        for number in range(count):
            is_bad = number % 25 == 7
            (folder / f'{number:03}.jpg').write_bytes(photograph[: 9000 if is_bad else None])
        code = (
            f'import resource, runpy, sys; sys.argv = ["{SCRIPT}", '
            f'"--model={directory}", "--format=csv", "{folder}"]\n'
            f'try: runpy.run_path("{SCRIPT}", run_name="__main__")\n'
            'except SystemExit as end: print("status", end.code, file=sys.stderr)\n'
            'print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)'
        )
        done = subprocess.run(
            [sys.executable, '-c', code], capture_output=True, text=True, check=True
        )
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        assert len(rows) == count
        assert sum(bool(row['error']) for row in rows) == count // 25
        assert 'status 1' in done.stderr
        peaks[count] = int(done.stderr.split('peak ')[1]) // 1024
    assert peaks[500] < peaks[100] + 100, peaks
