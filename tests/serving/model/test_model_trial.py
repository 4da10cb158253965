"""A model that ends, hangs or fills the process that tries it does not touch the server."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from common.errors import UserError
from serving.model import model_holder, model_trial
from serving.model.model_options import ModelOptions, PredictorOptions
from serving.model.model_trial import TrialLimits
from support.checkout import ROOT
from support.files import frozen_graphs, onnx_models, small_models

PATIENT = TrialLimits(secs=600)
HOW = PredictorOptions(max_concurrency=1)


def trial_by(monkeypatch, program, limits=PATIENT, **options):
    """Run a trial whose child is `program` in place of one that loads a model."""
    monkeypatch.setattr(model_trial, '_START', program)
    model_trial.run(ModelOptions('a.pb'), HOW, limits, **options)


@pytest.mark.parametrize(
    ('program', 'words'),
    [
        ('import os; os.kill(os.getpid(), 8)', 'ended the process with SIGFPE'),
        ('import os; os.abort()', 'ended the process with SIGABRT'),
        ('import os; os.kill(os.getpid(), 9)', 'SIGKILL, perhaps for lack of memory'),
        ('raise SystemExit(3)', r'ended the process \(exit status 3\)'),
        ('print("nonsense")', r'ended the process \(exit status 0\)'),
        ("""print('{"problem": "a.pb: damaged"}')""", '^a.pb: damaged$'),
    ],
)
def test_the_end_of_the_child_is_named(program, words, monkeypatch):
    with pytest.raises(UserError, match=words):
        trial_by(monkeypatch, program)


def test_a_child_that_ends_before_it_reads_its_request_is_named_too(monkeypatch):
    monkeypatch.setattr(model_trial, '_START', 'raise SystemExit(3)')
    # More than a pipe holds, so the rest of the request meets a closed pipe.
    with pytest.raises(UserError, match=r'ended the process \(exit status 3\)'):
        model_trial.run(ModelOptions('a' * 1_000_000), HOW, PATIENT)


@pytest.mark.parametrize(('number', 'is_shortage'), [(9, True), (8, False)])
def test_only_a_kill_may_be_for_lack_of_memory(number, is_shortage, monkeypatch):
    with pytest.raises(UserError) as caught:
        trial_by(monkeypatch, f'import os; os.kill(os.getpid(), {number})')
    assert isinstance(caught.value, model_trial.ShortageError) == is_shortage


def test_a_model_that_passes_raises_nothing(monkeypatch):
    trial_by(monkeypatch, """print('{"problem": null}')""")


def children():
    """Return the processes that this one has started and that are not gone."""
    return Path(f'/proc/self/task/{threading.get_native_id()}/children').read_text().split()


@pytest.mark.parametrize(
    ('program', 'limits', 'words'),
    [
        ('import time; time.sleep(600)', TrialLimits(1), 'longer than 1 seconds; --trial_s'),
        (
            'import time; held = bytearray(2**28); held[::4096] = b"1" * 2**16; time.sleep(600)',
            TrialLimits(600, 100),
            'MB of memory, more than 100 MB; --trial_max_mb allows more',
        ),
    ],
)
def test_a_child_that_takes_too_much_is_killed(program, limits, words, monkeypatch):
    before = children()
    with pytest.raises(model_trial.ShortageError, match=words):
        trial_by(monkeypatch, program, limits)
    assert children() == before


def test_a_trial_ends_with_the_server(monkeypatch):
    stop = threading.Event()
    stop.set()
    before = children()
    with pytest.raises(model_trial.StoppedError):
        trial_by(monkeypatch, 'import time; time.sleep(600)', stop=stop)
    assert children() == before


# A server whose trial only tells its number, and then takes for ever.
SERVER = """
import dataclasses, sys
from serving.model import model_trial
model_trial._START = '''
import json, os, sys, time
request = json.loads(sys.stdin.readline())
sys.path[:] = request["path"]
from serving.model import model_trial
model_trial._step_back(request["parent"])
with open(request["model"]["path"], "w") as stream:
    stream.write(str(os.getpid()))
time.sleep(600)
'''
Options = dataclasses.make_dataclass('Options', [('path', str)])
model_trial.run(Options(sys.argv[1]), None)
"""


def test_the_child_does_not_outlive_a_server_that_is_killed(tmp_path):
    pid_file = tmp_path / 'pid'

    parent = subprocess.Popen([sys.executable, '-c', SERVER, str(pid_file)], cwd=ROOT)
    try:
        while not (pid_file.exists() and pid_file.read_text()):
            assert parent.poll() is None
            time.sleep(0.02)
    finally:
        parent.kill()
        parent.wait()
    child = int(pid_file.read_text())
    ending = time.monotonic() + 60
    while _runs(child) and time.monotonic() < ending:
        time.sleep(0.02)
    assert not _runs(child)


def _runs(pid):
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


def request_for(path):
    return {'model': {'path': str(path), 'input_mean': 0, 'input_std': 255}, 'predictor': None}


def test_what_is_wrong_with_a_model_is_handed_on(tmp_path):
    path = tmp_path / 'a.pb'
    path.write_bytes(b'no graph at all')
    assert 'a.pb: ' in model_trial._problem(request_for(path))


def test_a_real_model_passes_its_trial(graph):
    model_trial.run(ModelOptions(graph), HOW, PATIENT)


WITHOUT_TENSORFLOW = """
import json, sys
from serving.model import model_trial
print(model_trial._problem(json.loads(sys.argv[1])), 'tensorflow' in sys.modules)
"""


def test_an_onnx_model_is_tried_without_tensorflow(tmp_path):
    request = {'model': {'path': onnx_models.write(tmp_path)}, 'predictor': None}
    printed = subprocess.check_output(
        [sys.executable, '-c', WITHOUT_TENSORFLOW, json.dumps(request)], cwd=ROOT, text=True
    )
    assert printed == 'None False\n'


def endless():
    tf = frozen_graphs.tf
    pixels = tf.placeholder(tf.float32, [None, 8, 8, 3], 'input')
    turns = tf.while_loop(lambda number: number >= 0, lambda number: number * 1, [tf.constant(1.0)])
    tf.nn.softmax(tf.reduce_mean(pixels, [1, 2]) + turns, name='softmax')


def enormous():
    tf = frozen_graphs.tf
    pixels = tf.placeholder(tf.float32, [None, 8, 8, 3], 'input')
    side = 40_000 + tf.cast(tf.reduce_mean(pixels), tf.int32)
    total = tf.reduce_mean(tf.exp(tf.fill([side, side], 1.0)))
    tf.nn.softmax(tf.reduce_mean(pixels, [1, 2]) * total, name='softmax')


@pytest.mark.soak
@pytest.mark.parametrize(
    ('build', 'limits', 'words'),
    [
        (endless, TrialLimits(90), 'longer than 90 seconds'),
        (enormous, TrialLimits(600, 3000), 'more than 3,000 MB'),
    ],
)
def test_a_hostile_graph_leaves_the_old_model_in_place(build, limits, words, tmp_path):
    directory = small_models.train_dir(tmp_path / 'train')
    path = small_models.frozen(tmp_path / 'a.pb', directory, described=False, with_bytes=False)
    reports = []
    options = ModelOptions(path, input_mean=0, input_std=255)
    holder = model_holder.for_model(options, HOW, reports.append, trial=limits)
    holder.load()
    (tmp_path / 'b.pb').write_bytes(frozen_graphs.build(build).SerializeToString())
    os.replace(tmp_path / 'b.pb', path)
    holder.poll(holder.poll())
    assert holder.version == 1
    assert reports[-1].startswith('KEPT the model of version 1')
    assert words in reports[-1]
    holder.close()
