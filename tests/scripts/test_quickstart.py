"""scripts/quickstart.sh: with stand-ins for the programs; with --soak for real."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from datasets.samples import sample_flowers
from support.checkout import ROOT
from support.shell import programs, script_checkout

STEPS = ['download_and_convert_data', 'train_image_classifier', 'eval_image_classifier',
         'export_inference_graph', 'freeze_graph', 'classify_image']  # fmt: skip
# Stands in for every program: writes down how it was called, and the files that the next one reads.
PROGRAM = """
import json, os, signal, sys, time
name = os.path.basename(sys.argv[0])[:-3]
flags = dict(flag[2:].split('=', 1) for flag in sys.argv[1:] if '=' in flag)
with open(os.environ['CALLS'], 'a') as stream:
    print(json.dumps([name, *sys.argv[1:]]), file=stream)
def put(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, 'a').write(text)
if name == os.environ.get('FAILS'):
    print('INFO:tensorflow:so far, so good')
    sys.exit('error: --batch_size=0: at least 1')
if name == os.environ.get('WAITS'):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(put(flags['train_dir'] + '/saved', 'x')))
    put(flags['train_dir'] + '/begun', 'x')
    time.sleep(60)
if name == 'download_and_convert_data':
    data = flags.get('output_directory', flags['dataset_dir'])
    os.makedirs(data, exist_ok=True)
    open('%s/%s.manifest.json' % (data, flags['dataset_name']), 'w').write(
        '{"edition": "%s", "splits": {"train": {"examples": 20}}}' % os.environ['EDITION'])
if name == 'train_image_classifier':
    put(flags['train_dir'] + '/model', 'x')
if name == 'eval_image_classifier':
    put(flags['eval_dir'] + '/metrics.json', '{"accuracy": 0.97249}')
    rows = ['file_name,true_class', 'other/a b.png,other', 'one kind/a b.png,one kind',
            'other/later.png,other']
    put(flags['eval_dir'] + '/predictions.csv', '\\n'.join(rows))
if name == 'classify_image':
    print('INFO:tensorflow:noise')
    print('tulip.jpg  97.13% tulips')
"""


class Quick:
    """A checkout with stand-ins, and the script in it."""

    def __init__(self, directory):
        self.checkout = directory / 'a checkout'
        self.work = directory / 'the work'
        self.calls_file = directory / 'calls'
        shutil.copytree(ROOT / 'scripts', self.checkout / 'scripts')
        for name in (*STEPS, 'server'):
            (self.checkout / f'{name}.py').write_text(PROGRAM)
        (self.checkout / 'scripts' / 'setup_env.sh').write_text('#!/bin/sh\necho ready\n')
        draw = 'import os, sys\n[os.makedirs(f"{sys.argv[1]}/{k}", exist_ok=True) for k in "ab"]\n'
        draw += '[open(f"{sys.argv[1]}/{k}/1.jpg", "w") for k in "ab"]\n'
        (self.checkout / 'scripts' / 'draw_pictures.py').write_text(draw)
        script_checkout.write_python(self.checkout / '.venv/bin/python')

    def start(self, *arguments, **environment):
        self.calls_file.write_text('')
        environment = {'EDITION': 'first', 'CALLS': str(self.calls_file), **environment}
        return subprocess.Popen(
            [self.checkout / 'scripts' / 'quickstart.sh', f'--dir={self.work}', *arguments],
            env=os.environ | environment,
            cwd=self.checkout.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments, **environment):
        process = self.start(*arguments, **environment)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors

    def calls(self):
        return [json.loads(line) for line in self.calls_file.read_text().splitlines()]

    def programs(self):
        return [call[0] for call in self.calls()]


@pytest.fixture
def quick(tmp_path):
    return Quick(tmp_path)


def test_every_step_is_done_and_then_the_accuracy_is_printed(quick):
    status, output, errors = quick.run('--no_serve')
    assert (status, errors) == (0, '')
    assert quick.programs() == STEPS
    assert re.findall(r'^\[(\d)/6\]', output, re.MULTILINE) == list('123456')
    assert len(re.findall(r'^      \d+ s$', output, re.MULTILINE)) == 6
    assert 'tulip.jpg  97.13% tulips' in output
    assert 'noise' not in output
    assert re.fullmatch(r'quickstart: validation accuracy 0\.9725, \d+ s', output.splitlines()[-1])
    assert re.match(r'next: .* -u .*server\.py --model_name=', output.splitlines()[-2])
    assert quick.calls()[-1][-2:] == [f'{quick.work}/pictures/{kind}/1.jpg' for kind in 'ab']


def test_a_second_run_reuses_what_is_there(quick):
    quick.run('--no_serve')
    status, output, _ = quick.run('--no_serve')
    assert status == 0
    assert quick.programs() == ['download_and_convert_data', 'classify_image']
    assert output.count('done before') == 4
    assert 'validation accuracy 0.9725' in output


def test_changed_pictures_are_learned_anew(quick):
    quick.run('--no_serve')
    quick.run('--no_serve', EDITION='second')
    assert quick.programs() == STEPS
    # The older training is gone, not gone on with.
    assert (quick.work / 'train' / 'model').read_text() == 'x'


def test_then_the_server_is_started(quick):
    status, output, _ = quick.run('--port', '5017')
    assert status == 0
    assert quick.calls()[-1] == [
        'server', f'--model_name={quick.work}/model/sample_flowers.pb', '--port=5017',
    ]  # fmt: skip
    assert 'validation accuracy 0.9725' in output


def test_own_pictures_are_left_where_they_are(quick, tmp_path):
    images = tmp_path / 'my pictures'
    for name in ('one kind', 'other'):
        (images / name).mkdir(parents=True)
        (images / name / 'a b.png').touch()
    status, _, errors = quick.run('--images', 'my pictures', '--no_serve')
    assert status == 0, errors
    convert, train, *_, classify = quick.calls()
    assert convert[1:4] == [
        '--dataset_name=my_pictures',
        f'--dataset_dir={quick.work}/source',
        f'--output_directory={quick.work}/data',
    ]
    assert (quick.work / 'source' / 'my_pictures').resolve() == images
    assert '--dataset_name=my_pictures' in train
    # 20 pictures are 600 steps of 32 pictures only in so many epochs.
    assert train[-3:] == ['--num_epochs=960', '--max_number_of_steps=3000', '--seed=1']
    assert classify[-2:] == [f'{images}/one kind/a b.png', f'{images}/other/a b.png']
    assert sorted(path.name for path in images.iterdir()) == ['one kind', 'other']


def test_a_failed_step_says_why_and_is_tried_again(quick):
    status, output, errors = quick.run('--no_serve', FAILS='train_image_classifier')
    assert status == 1
    assert errors.splitlines() == [
        'error: --batch_size=0: at least 1',
        "error: the step 'train mobilenet_v1_025 at 128 pixels' failed; its log is "
        f'{quick.work}/train.log',
    ]
    assert 'accuracy' not in output
    status, _, _ = quick.run('--no_serve')
    assert status == 0
    assert quick.programs() == STEPS


def test_a_stopped_run_goes_on(quick):
    process = quick.start('--no_serve', WAITS='train_image_classifier')
    while not (quick.work / 'train' / 'begun').exists():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143
    assert errors == 'stopped; the same command goes on from here\n'
    assert (quick.work / 'train' / 'saved').exists()
    status, _, _ = quick.run('--no_serve')
    assert status == 0
    assert quick.programs() == STEPS
    assert (quick.work / 'train' / 'saved').exists()


def test_a_directory_with_something_else_is_left_alone(quick):
    (quick.work / 'train').mkdir(parents=True)
    status, _, errors = quick.run('--no_serve')
    assert status == 1
    assert f'--dir={quick.work}: holds something else' in errors
    assert quick.calls() == []


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (
            ['--no_server'],
            "unknown argument '--no_server'; valid are --images, --dir, ",
        ),
        (['--images'], '--images needs a value'),
        (['--images=nowhere'], '--images=nowhere: no such folder'),
    ],
)
def test_a_mistake_is_one_line(quick, arguments, words):
    status, _, errors = quick.run(*arguments)
    assert status == 1
    assert errors.startswith('error: ')
    assert words in errors
    assert len(errors.splitlines()) == 1
    assert quick.calls() == []


def test_help_is_what_stands_at_the_top(quick):
    status, output, _ = quick.run('--help')
    assert status == 0
    assert '--images DIR' in output
    assert 'set -euo' not in output


@pytest.mark.parametrize('arguments', [(), ('--images={images}',)])
def test_the_programs_have_the_flags_of_the_steps(quick, tmp_path, arguments):
    images = tmp_path / 'pictures'
    (images / 'a kind').mkdir(parents=True)
    quick.run('--no_serve', *(argument.format(images=images) for argument in arguments))
    assert quick.programs() == STEPS
    for program, *typed in quick.calls():
        groups = programs.flags_by_heading(f'{program}.py')
        known = {name for names in groups.values() for name in names}
        flags = {flag[2:].split('=')[0] for flag in typed if flag.startswith('--')}
        assert flags <= known, program


@pytest.mark.soak  # test_readme.py does the same steps one by one.
def test_a_few_own_pictures_for_real(tmp_path):
    """Two folders with a space in their path, one of the pictures broken."""
    images = tmp_path / 'my pictures'
    sample_flowers.write_pictures(str(images), 12, kinds=sample_flowers.CLASS_NAMES[:2])
    (images / sample_flowers.CLASS_NAMES[0] / 'broken.jpg').write_bytes(b'not one')
    command = [ROOT / 'scripts' / 'quickstart.sh', '--no_setup', '--no_serve']
    command += ['--images', images, '--dir', tmp_path / 'the work', '--steps', '20']
    done = subprocess.run(
        command,
        cwd=tmp_path,
        # Where there is no .venv, this interpreter is the one to take.
        env={**os.environ, 'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}'},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    match = re.fullmatch(r'quickstart: validation accuracy ([01]\.\d{4}), \d+ s', last)
    metrics = json.loads((tmp_path / 'the work' / 'eval' / 'metrics.json').read_text())
    assert float(match[1]) == pytest.approx(metrics['accuracy'], abs=1e-4)
    description = json.loads((tmp_path / 'the work/model/my_pictures.json').read_text())
    assert description['class_names'] == list(sample_flowers.CLASS_NAMES[:2])
    for name in description['class_names']:
        assert re.search(rf'{images}/{name}/sample_\d+\.jpg +\d+\.\d+% ', done.stdout)
