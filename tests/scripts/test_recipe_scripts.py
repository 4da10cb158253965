"""finetune.sh and train_from_scratch.sh as people type them, and how they end."""

import os
import signal
import subprocess

import pytest

from support.checkout import ROOT
from support.shell.script_checkout import Checkout

SCRIPTS = ROOT / 'scripts'
CALLERS = {
    'finetune_inception_v1_on_flowers.sh': ('finetune.sh', 'inception_v1', 'flowers'),
    'finetune_inception_v3_on_flowers.sh': ('finetune.sh', 'inception_v3', 'flowers'),
    'finetune_inception_resnet_v2_on_flowers.sh': ('finetune.sh', 'inception_resnet_v2', 'flowers'),
    'finetune_resnet_v1_50_on_flowers.sh': ('finetune.sh', 'resnet_v1_50', 'flowers'),
    'train_cifarnet_on_cifar10.sh': ('train_from_scratch.sh', 'cifarnet', 'cifar10'),
    'train_lenet_on_mnist.sh': ('train_from_scratch.sh', 'lenet', 'mnist'),
}
# Stands in for each program: it records how it was called, and may be told to fail or to wait.
PROGRAM = """
import json, os, signal, sys
name = os.path.basename(sys.argv[0])
with open(os.environ['CALLS'], 'a') as stream:
    print(json.dumps({'program': name, 'flags': sys.argv[1:]}), file=stream)
if name == os.environ.get('FAILS'):
    sys.exit('error: --learning_rate=x: must be a number')
if name == os.environ.get('WAITS'):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    print('waiting', flush=True)
    signal.sigwait([signal.SIGTERM])
    sys.exit()
"""
TRAIN = 'train_image_classifier.py'


@pytest.fixture
def checkout(tmp_path):
    """Return a checkout in which the programs are stand-ins."""
    checkout = Checkout(tmp_path)
    for name in ('download_and_convert_data.py', TRAIN, 'eval_image_classifier.py'):
        (checkout.root / name).write_text(PROGRAM)
    checkout.environment['CHECKPOINT_PATH'] = 'weights.ckpt'
    return checkout


@pytest.mark.parametrize('script', CALLERS)
def test_the_names_that_tf_slims_users_know_call_the_two(checkout, script):
    assert len((SCRIPTS / script).read_text().splitlines()) == 2
    target, model, dataset = CALLERS[script]
    calls = checkout.calls(script, '--batch_size=4')
    trainings = [
        dict(flag.removeprefix('--').split('=', 1) for flag in call['flags'])
        for call in calls
        if call['program'] == TRAIN
    ]
    for flags in trainings:
        assert (flags['model_name'], flags['dataset_name']) == (model, dataset)
    assert trainings[-1]['batch_size'] == '4'
    assert ('trainable_scopes' in trainings[0]) is (target == 'finetune.sh')
    assert len(trainings) == (2 if target == 'finetune.sh' else 1)


def test_a_failed_training_ends_the_script(checkout):
    done = checkout.run('finetune.sh', 'vgg_16', 'a', FAILS=TRAIN)
    assert done.returncode == 1
    assert done.stderr == 'error: --learning_rate=x: must be a number\n'
    assert checkout.recorded_calls()[-1]['program'] == TRAIN


@pytest.mark.parametrize(('how', 'status'), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_training_that_is_stopped_is_the_last(checkout, how, status):
    with checkout.start('train_from_scratch.sh', 'lenet', 'mnist', text=True, WAITS=TRAIN) as run:
        while run.stdout.readline() != 'waiting\n':
            assert run.poll() is None
        run.send_signal(how)
        _, errors = run.communicate(timeout=60)
    assert run.returncode == status
    assert errors == 'stopped; run the same command again to resume\n'
    assert checkout.recorded_calls()[-1]['program'] == TRAIN


def test_help_is_the_usage_of_the_script_behind_it(checkout):
    done = checkout.run('train_lenet_on_mnist.sh', '--help')
    assert (done.returncode, done.stderr) == (0, '')
    assert 'scripts/train_from_scratch.sh ' in done.stdout
    assert checkout.recorded_calls()[-1]['flags'] == ['lenet', 'mnist', '--help']


@pytest.mark.parametrize(
    ('script', 'arguments', 'words'),
    [
        ('train_from_scratch.sh', ['lenett', 'mnist'], "unknown network 'lenett'; known, nearest"),
        ('finetune.sh', ['resnet_v2_200', 'flowers'], 'no checkpoint of it was ever released'),
    ],
)
def test_a_network_that_cannot_be_meant_is_refused_before_anything_is_fetched(
    script, arguments, words, tmp_path
):
    environment = {**os.environ, 'DATASET_DIR': str(tmp_path / 'data'), 'HOME': str(tmp_path)}
    done = subprocess.run(
        [SCRIPTS / script, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert words in done.stderr.splitlines()[-1]
    # Keras writes its settings, whatever it is asked.
    assert {path.name for path in tmp_path.iterdir()} <= {'.keras'}
