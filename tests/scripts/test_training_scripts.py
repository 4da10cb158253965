"""run_train.sh and stop_train.sh, with a stand-in for the training program."""

import errno
import fcntl
import os
import shlex
import signal
import time

import pytest

from common.errors import UserError
from support.shell.script_checkout import Checkout
from training.jobs import background


@pytest.fixture
def checkout(tmp_path):
    """Return a checkout with a released checkpoint at hand; what still runs is ended."""
    checkout = Checkout(tmp_path)
    weights = checkout.home / 'weights'
    weights.mkdir()
    (weights / 'inception_v4.ckpt.index').touch()
    checkout.environment['CHECKPOINT_PATH'] = str(weights / 'inception_v4.ckpt')
    checkout.environment['TRAIN_DIR'] = str(tmp_path / 'my train')
    yield checkout
    for call in checkout.recorded_calls():
        if call['program'] == 'train_image_classifier.py' and is_alive(call['process']):
            os.kill(call['process'], signal.SIGKILL)


def is_alive(process):
    """Tell whether a process runs; one that only waits to be buried does not."""
    try:
        with open(f'/proc/{process}/stat') as stream:
            return stream.read().rpartition(')')[2].split()[0] not in 'ZX'
    except FileNotFoundError:
        return False


def following(line):
    """Return the words of the command that a script's last line proposes."""
    assert line.startswith('next: ')
    return shlex.split(line.removeprefix('next: '))


def test_a_directory_in_the_home_directory_is_the_programs(checkout):
    typed = ('--train_dir=~/my run', '--checkpoint_path=~/weights/inception_v4.ckpt')
    started = checkout.run('run_train.sh', *typed, CHECKPOINT_PATH='/none')
    assert started.returncode == 0, started.stderr
    stopped = checkout.run('stop_train.sh', typed[0])
    assert f'newest checkpoint: {checkout.home}/my run/model.ckpt-7\n' in stopped.stdout
    assert os.listdir(checkout.here) == ['output.log']


def test_a_run_is_started_followed_and_stopped(checkout):
    started = checkout.run('run_train.sh')
    assert started.returncode == 0, started.stderr
    (call,) = checkout.recorded_calls()
    log = checkout.here / 'output.log'
    train_dir = checkout.environment['TRAIN_DIR']
    stop = (
        f"'{checkout.root}/scripts/stop_train.sh' '--train_dir={checkout.environment['TRAIN_DIR']}'"
    )
    *about, last = started.stdout.splitlines()
    typed = f'TRAIN_DIR={train_dir}'
    assert following(last) == [typed, f'{checkout.root}/scripts/run_eval.sh']
    assert about == [
        'the features of each picture are computed once, then the last layers train on them '
        '(not with --nocache_features); the log says how long this takes',
        f'training in the background: process {call["process"]}',
        f'  log:     {log}',
        f"  follow:  tail -f '{log}'",
        f'  stop:    {stop}',
        f'           (or kill {call["process"]}; either way it saves a checkpoint first)',
    ]
    assert log.read_text() == 'INFO:tensorflow:Training a stand-in\n'
    # The end of a session, or Ctrl-C at what the user does next, is not for it.
    os.kill(call['process'], signal.SIGHUP)
    os.kill(call['process'], signal.SIGINT)
    stopped = checkout.run('stop_train.sh', folder=checkout.home)
    assert stopped.returncode == 0, stopped.stderr
    *about, last = stopped.stdout.splitlines()
    assert following(last) == [typed, f'{checkout.root}/scripts/export_freeze.sh']
    assert about == [
        f'process {call["process"]} was asked to stop: it finishes its step, saves, and ends',
        f'process {call["process"]} has ended: INFO:tensorflow:Stopped on request',
        f'newest checkpoint: {train_dir}/model.ckpt-7',
    ]
    assert not is_alive(call['process'])
    again = checkout.run('stop_train.sh')
    assert (again.returncode, again.stderr) == (0, '')
    assert again.stdout.splitlines()[0] == f'nothing to stop: no training runs in {train_dir}'
    # The same command goes on from there, without the released weights.
    assert len(checkout.calls('run_train.sh', CHECKPOINT_PATH='/gone/inception_v4.ckpt')) == 1


def test_a_worker_of_a_cluster_is_followed_until_it_trains_too(checkout):
    began = time.monotonic()
    started = checkout.run('run_train.sh', '--job_name=worker', '--task=1')
    assert started.returncode == 0, started.stderr
    # Without a status that it can read, the script watches the process for this long.
    assert time.monotonic() - began < background._WATCHED_SECS


def test_a_second_run_in_the_same_place_is_refused(checkout, tmp_path):
    checkout.calls('run_train.sh')
    (first,) = checkout.recorded_calls()
    log = checkout.here / 'output.log'
    train_dir = checkout.environment['TRAIN_DIR']
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.mkdir()
    same_directory = checkout.run('run_train.sh', folder=elsewhere)
    assert same_directory.returncode == 1
    assert same_directory.stderr == (
        f'error: --train_dir={train_dir}: a training is already running there'
        f' (process {first["process"]}, log {log})\n'
    )
    same_log = checkout.run('run_train.sh', f'--train_dir={tmp_path}/other')
    assert same_log.returncode == 1
    assert same_log.stderr.startswith(f'error: {log}: another training writes there')
    assert len(checkout.recorded_calls()) == 1
    assert log.read_text() == 'INFO:tensorflow:Training a stand-in\n'
    other = checkout.run('run_train.sh', f'--train_dir={tmp_path}/other', folder=elsewhere)
    assert other.returncode == 0, other.stderr
    assert f'--train_dir={tmp_path}/other' in other.stdout


def test_two_starts_at_one_moment_make_one_run(checkout, tmp_path):
    """The training program takes its own lock only seconds later."""
    slow = checkout.root / 'train_image_classifier.py'
    until = tmp_path / 'may go on'
    os.mkfifo(until)
    slow.write_text(f'open({str(until)!r}).read()\n' + slow.read_text())
    lock = os.path.join(checkout.environment['TRAIN_DIR'], 'train.lock')
    with checkout.start('run_train.sh') as first:
        with open(until, 'w'):
            assert not os.path.exists(lock)
            second = checkout.run('run_train.sh')
        first.communicate(timeout=60)
    assert second.returncode == 1
    assert 'a training is already running there' in second.stderr
    assert first.returncode == 0
    assert len(checkout.recorded_calls()) == 1


def test_a_run_that_cannot_begin_says_why_at_once(checkout):
    done = checkout.run('run_train.sh', '--batch_size=0')
    assert done.returncode == 1
    assert done.stderr == (
        'error: the training ended immediately: --batch_size=0: must be at least 1\n'
    )


def test_a_log_that_cannot_be_written_is_told(checkout):
    (checkout.here / 'output.log').mkdir()
    done = checkout.run('run_train.sh')
    assert done.returncode == 1
    assert done.stderr == f'error: {checkout.here}/output.log: cannot be written (Is a directory)\n'


def test_stopping_ends_no_process_of_others(checkout, tmp_path):
    """Neither one that holds the lock without being a training, nor one that has the number."""
    lock = tmp_path / 'my train/train.lock'
    lock.parent.mkdir()
    with open(lock, 'w') as stream:
        stream.write(f'{os.getpid()}\n')
        stream.flush()
        free = checkout.run('stop_train.sh')
        fcntl.flock(stream, fcntl.LOCK_EX)
        held = checkout.run('stop_train.sh')
    assert free.returncode == 0
    assert free.stdout.startswith('nothing to stop')
    assert held.returncode == 1
    assert (
        f'process {os.getpid()} is not a train_image_classifier.py, so it is not stopped: '
        in held.stderr
    )


def test_a_run_that_was_started_by_hand_is_refused_and_stopped_too(checkout, tmp_path):
    train_dir = checkout.environment['TRAIN_DIR']
    os.mkdir(train_dir)
    program = f'{checkout.root}/train_image_classifier.py'
    flags = (f'--train_dir={train_dir}', '--batch_size=1')
    with checkout.start('../.venv/bin/python', program, *flags) as by_hand:
        assert by_hand.stdout.readline() == b'INFO:tensorflow:Training a stand-in\n'
        refused = checkout.run('run_train.sh')
        stopped = checkout.run('stop_train.sh')
    running = f'a training is already running there (process {by_hand.pid})'
    assert refused.stderr == f'error: --train_dir={train_dir}: {running}\n'
    assert stopped.stdout.splitlines()[-2] == f'newest checkpoint: {train_dir}/model.ckpt-7'
    assert by_hand.returncode == 0


def test_unknown_arguments_of_stop_are_refused(checkout):
    done = checkout.run('stop_train.sh', '--now')
    assert done.returncode == 1
    assert done.stderr == "error: unknown argument '--now'; the only one is --train_dir=DIR\n"


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch):
    def flock(handle, kind):
        raise OSError(errno.ENOLCK, 'No locks available')

    lock = tmp_path / 'train.lock'
    lock.touch()
    monkeypatch.setattr(fcntl, 'flock', flock)
    with pytest.raises(UserError, match=rf'^{lock}: cannot be locked \(No locks available\); '):
        background.find_training(tmp_path)
