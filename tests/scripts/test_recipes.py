"""finetune.sh, train_from_scratch.sh and their table: which program is called with what."""

import json
import os
import shlex
import shutil
import subprocess

import pytest

from nets import nets_factory, released
from support.checkout import ROOT
from support.shell import script_checkout

SCRIPTS = ROOT / 'scripts'
CALLERS = {
    'finetune_inception_v1_on_flowers.sh': ('finetune.sh', 'inception_v1', 'flowers'),
    'finetune_inception_v3_on_flowers.sh': ('finetune.sh', 'inception_v3', 'flowers'),
    'finetune_inception_resnet_v2_on_flowers.sh': ('finetune.sh', 'inception_resnet_v2', 'flowers'),
    'finetune_resnet_v1_50_on_flowers.sh': ('finetune.sh', 'resnet_v1_50', 'flowers'),
    'train_cifarnet_on_cifar10.sh': ('train_from_scratch.sh', 'cifarnet', 'cifar10'),
    'train_lenet_on_mnist.sh': ('train_from_scratch.sh', 'lenet', 'mnist'),
}
# Stands in for each program: it writes down how it was called, and may be told to fail or to wait.
PROGRAM = """
import json, os, signal, sys, time
name = os.path.basename(sys.argv[0])
with open(os.environ['CALLS'], 'a') as stream:
    print(json.dumps([name, *sys.argv[1:]]), file=stream)
if name == os.environ.get('FAILS'):
    sys.exit('error: --learning_rate=x: no number')
if name == os.environ.get('WAITS'):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    time.sleep(60)
"""
FETCHED = 'fetched, all 9 variables as it has them: '


@pytest.fixture
def checkout(tmp_path):
    """Return a checkout in which the programs are stand-ins."""
    checkout = tmp_path / 'a checkout'
    shutil.copytree(SCRIPTS, checkout / 'scripts')
    for name in ('download_and_convert_data', 'train_image_classifier', 'eval_image_classifier'):
        (checkout / f'{name}.py').write_text(PROGRAM)
    fetch = checkout / 'scripts' / 'download_checkpoint.sh'
    fetch.write_text(f'#!/bin/sh\necho "{FETCHED}$2/$1/$1.ckpt"\n')
    script_checkout.write_python(checkout / '.venv/bin/python')
    # Whether a network is known is asked of the real table in the tests with the real checkout.
    for room, text in (
        ('nets/nets_factory.py', 'def get_spec(name): pass\n'),
        ('common/errors.py', 'def exit_cleanly(main): return main\n'),
    ):
        (checkout / room).parent.mkdir(exist_ok=True)
        (checkout / room).write_text(text)
    return checkout


class Called:
    """What a script has done with the stand-ins."""

    def __init__(self, checkout, script, *arguments, **environment):
        self.calls_file = checkout / 'calls'
        known = ('DATASET_NAME', 'DATASET_DIR', 'MODEL_NAME', 'TRAIN_DIR', 'CHECKPOINT_PATH')
        clean = {k: v for k, v in os.environ.items() if k not in known}
        clean |= {'CALLS': str(self.calls_file), 'HOME': '/a home'}
        done = subprocess.run(
            [checkout / 'scripts' / script, *arguments],
            env=clean | environment,
            cwd=checkout.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        self.status, self.output, self.errors = done.returncode, done.stdout, done.stderr

    def flags(self, number):
        """Return (program, {flag: value}) of a call; a later flag wins, as with the programs."""
        name, *flags = json.loads(self.calls_file.read_text().splitlines()[number])
        return name, dict(flag.removeprefix('--').split('=', 1) for flag in flags)

    def programs(self):
        return [self.flags(n)[0] for n in range(len(self.calls_file.read_text().splitlines()))]


def test_a_head_is_trained_first_and_then_everything(checkout):
    called = Called(checkout, 'finetune.sh', 'inception_v3', 'my flowers', '--batch_size=8')
    assert (called.status, called.errors) == (0, '')
    assert called.programs() == [
        'download_and_convert_data.py',
        'train_image_classifier.py',
        'eval_image_classifier.py',
        'train_image_classifier.py',
        'eval_image_classifier.py',
    ]
    train_dir = '/a home/train/my flowers_inception_v3'
    both = {
        'dataset_name': 'my flowers',
        'dataset_dir': '/a home/data/flower',
        'model_name': 'inception_v3',
        'batch_size': '8',
        'optimizer': 'rmsprop',
        'weight_decay': '0.00004',
        'learning_rate_decay_type': 'fixed',
    }
    assert called.flags(1)[1] == both | {
        'train_dir': train_dir,
        'checkpoint_path': '/a home/pre_trained/inception_v3/inception_v3.ckpt',
        'checkpoint_exclude_scopes': 'head',
        'trainable_scopes': 'head',
        'max_number_of_steps': '1000',
        'learning_rate': '0.01',
    }
    assert called.flags(3)[1] == both | {
        'train_dir': f'{train_dir}/all',
        'checkpoint_path': train_dir,
        'max_number_of_steps': '500',
        'learning_rate': '0.0001',
    }
    assert called.flags(4)[1]['checkpoint_path'] == f'{train_dir}/all'
    assert called.flags(4)[1]['eval_dir'] == f'{train_dir}/all/eval'


def test_directories_and_weights_are_those_of_the_environment(checkout):
    called = Called(
        checkout, 'finetune.sh', 'vgg_16', 'mine',
        TRAIN_DIR='a run', DATASET_DIR='the data', CHECKPOINT_PATH='my vgg.ckpt',
    )  # fmt: skip
    assert called.status == 0, called.errors
    assert FETCHED not in called.output
    flags = called.flags(1)[1]
    assert flags['train_dir'] == 'a run'
    assert flags['dataset_dir'] == 'the data'
    assert flags['checkpoint_path'] == 'my vgg.ckpt'


def test_from_scratch_is_one_training(checkout):
    called = Called(checkout, 'train_from_scratch.sh', 'cifarnet', 'cifar10', '--seed=1')
    assert called.status == 0, called.errors
    assert called.programs()[1:] == ['train_image_classifier.py', 'eval_image_classifier.py']
    assert called.flags(1)[1] == {
        'dataset_name': 'cifar10',
        'dataset_dir': '/a home/data/flower',
        'model_name': 'cifarnet',
        'train_dir': '/a home/train/cifar10_cifarnet',
        'max_number_of_steps': '100000',
        'batch_size': '128',
        'optimizer': 'sgd',
        'learning_rate': '0.1',
        'learning_rate_decay_factor': '0.1',
        'num_epochs_per_decay': '200',
        'weight_decay': '0.004',
        'seed': '1',
    }


@pytest.mark.parametrize('script', CALLERS)
def test_the_names_that_tf_slims_users_know_call_the_two(checkout, script):
    assert len((SCRIPTS / script).read_text().splitlines()) == 2
    target, model, dataset = CALLERS[script]
    called = Called(checkout, script, '--batch_size=4')
    assert called.status == 0, called.errors
    flags = called.flags(1)[1]
    assert (flags['model_name'], flags['dataset_name']) == (model, dataset)
    assert flags['batch_size'] == '4'
    assert ('trainable_scopes' in flags) is (target == 'finetune.sh')


def test_a_failed_training_ends_the_script(checkout):
    called = Called(checkout, 'finetune.sh', 'vgg_16', 'a', FAILS='train_image_classifier.py')
    assert called.status == 1
    assert called.errors == 'error: --learning_rate=x: no number\n'
    assert called.programs()[-1] == 'train_image_classifier.py'


def test_a_training_that_was_asked_to_stop_is_the_last(checkout):
    calls = checkout / 'calls'
    process = subprocess.Popen(
        [checkout / 'scripts' / 'train_from_scratch.sh', 'lenet', 'mnist'],
        env={**os.environ, 'CALLS': str(calls), 'WAITS': 'train_image_classifier.py'},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not calls.exists() or 'train_image_classifier.py' not in calls.read_text():
        assert process.poll() is None
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143
    assert errors == 'stopped; the same command goes on from here\n'
    assert 'eval_image_classifier.py' not in calls.read_text()


@pytest.mark.parametrize('script', ['finetune.sh', 'train_from_scratch.sh'])
@pytest.mark.parametrize('arguments', [[], ['lenet'], ['--batch_size=3'], ['lenet', '--seed=1']])
def test_without_network_and_data_set_the_usage_is_shown(checkout, script, arguments):
    called = Called(checkout, script, *arguments)
    assert called.status == 1
    assert called.errors == (
        f'error: usage: scripts/{script} MODEL DATASET [flags of train_image_classifier.py]\n'
    )


@pytest.mark.parametrize(
    ('script', 'explained'),
    [
        ('finetune.sh', 'finetune.sh'),
        ('train_from_scratch.sh', 'train_from_scratch.sh'),
        ('train_lenet_on_mnist.sh', 'train_from_scratch.sh'),
    ],
)
def test_help_is_what_stands_at_the_top(checkout, script, explained):
    called = Called(checkout, script, '--help')
    assert (called.status, called.errors) == (0, '')
    assert f'scripts/{explained} ' in called.output
    assert 'set -euo' not in called.output


def test_an_edited_env_set_that_fixes_the_network_is_noticed(checkout):
    settings = checkout / 'scripts' / 'env_set.sh'
    settings.write_text(settings.read_text() + 'export MODEL_NAME=inception_v4\n')
    called = Called(checkout, 'train_from_scratch.sh', 'lenet', 'mnist')
    assert called.status == 1
    assert 'env_set.sh sets MODEL_NAME=inception_v4' in called.errors


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


def recipe(function, *arguments):
    done = subprocess.run(
        ['bash', '-c', f'source "$1"; {function} {shlex.join(arguments)}', '_',
         SCRIPTS / 'recipes.sh'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.split()


@pytest.mark.parametrize('network', sorted(nets_factory.MODELS))
def test_every_network_has_a_recipe(network):
    flags = recipe('scratch_recipe', network, 'my_flower_5')
    names = [flag.split('=')[0].removeprefix('--') for flag in flags]
    assert {'batch_size', 'optimizer', 'learning_rate'} <= set(names)
    assert len(names) == len(set(names))
    assert {'num_epochs', 'max_number_of_steps'} & set(names)
    if released.by_network(network):
        head_steps, head_rate, all_steps, all_rate, *flags = recipe('finetune_recipe', network)
        assert int(head_steps) > int(all_steps)
        assert float(head_rate) > float(all_rate)
        assert '--batch_size=32' in flags


def test_the_recipe_of_the_sample_flowers_is_the_documented_one():
    flags = recipe('scratch_recipe', 'mobilenet_v1_025', 'sample_flowers')
    documented = (ROOT / 'docs' / 'training.md').read_text().split('## Three ways to begin')[1]
    command = documented.split('```')[1].replace('\\\n', ' ').split('train_image_classifier.py')[1]
    # The network's usual number of pictures a step is not written there.
    assert {flag for flag in flags if flag != '--batch_size=32'} <= set(command.split())
