"""finetune.sh and train_from_scratch.sh: which program is called with what."""

import pytest

from classifiers import model_info
from common.errors import UserError
from support.files import small_models

DATA, TRAIN, EVALUATE = (
    'download_and_convert_data.py',
    'train_image_classifier.py',
    'eval_image_classifier.py',
)


def test_a_head_is_fitted_first_and_then_all_layers_are_trained(commands):
    calls = commands('finetune', 'inception_v3', 'my flowers', '--skip_damaged_records=True')
    assert [call.program for call in calls] == ['-c', DATA, TRAIN, EVALUATE, TRAIN, EVALUATE]
    fetch, _, head, first, whole, second = calls
    directory = f'{commands.home}/pre_trained'
    assert fetch.flags[-5:] == ['fetch', 'inception_v3', directory, '', '']
    train_dir = f'{commands.home}/train/my flowers_inception_v3'
    both = {
        'dataset_name': 'my flowers',
        'dataset_dir': f'{commands.home}/data/flower',
        'model_name': 'inception_v3',
        'skip_damaged_records': 'True',
    }
    assert head.values == both | {
        'train_dir': train_dir,
        'checkpoint_path': f'{commands.home}/pre_trained/inception_v3/inception_v3.ckpt',
        'trainable_scopes': 'head',
        'optimizer': 'lbfgs',
    }
    assert whole.values.items() >= both.items()
    assert whole.values['train_dir'] == f'{train_dir}/all'
    assert whole.values['checkpoint_path'] == train_dir
    assert whole.values['validate_every_n_epochs'] == '1'
    assert 'trainable_scopes' not in whole.values
    assert first.values['checkpoint_path'] == train_dir
    assert first.values['eval_dir'] == f'{train_dir}/eval'
    assert second.values['eval_dir'] == f'{train_dir}/all/eval'


@pytest.mark.parametrize(
    ('typed', 'fetched', 'network', 'path'),
    [
        (
            'timm/resnet50.a1_in1k',
            True,
            'resnet_v1b_50',
            'timm_resnet50.a1_in1k/resnet_v1b_50.ckpt',
        ),
        ('resnet_v1b_50', True, 'resnet_v1b_50', 'timm_resnet50.a1_in1k/resnet_v1b_50.ckpt'),
        (
            'mobilenet_v1_0.25_160',
            True,
            'mobilenet_v1_025',
            'mobilenet_v1_0.25_160/mobilenet_v1_0.25_160.ckpt',
        ),
        ('imported', False, 'vgg_19', '{here}/imported'),
        ('imported/vgg_19.ckpt', False, 'vgg_19', '{here}/imported/vgg_19.ckpt'),
    ],
)
def test_the_weights_may_be_of_another_program(commands, typed, fetched, network, path):
    (commands.here / 'imported').mkdir()
    (commands.here / 'imported/vgg_19.ckpt.index').touch()
    model_info.write(commands.here / 'imported', small_models.describe('vgg_19'))
    calls = commands('finetune', typed, 'flowers', '--head_only')
    directory = f'{commands.home}/pre_trained'
    if fetched:
        assert calls.pop(0).flags[-4:] == [typed, directory, '', '']
    assert [call.program for call in calls] == [DATA, TRAIN, EVALUATE]
    flags = calls[1].values
    assert flags['model_name'] == network
    expected = path.format(here=commands.here)
    assert flags['checkpoint_path'] == (f'{directory}/{path}' if fetched else expected)
    assert flags['train_dir'] == f'{commands.home}/train/flowers_{network}'


def test_flags_about_steps_are_for_all_layers_alone(commands):
    typed = ['--batch_size=8', '--optimizer', 'momentum', '--learning_rate=0.5', '--seed=3']
    _, _, head, _, whole, _ = commands('finetune', 'inception_v3', 'flowers', *typed)
    assert (head.values['optimizer'], head.values['seed']) == ('lbfgs', '3')
    assert not {'learning_rate', 'batch_size'} & head.values.keys()
    assert whole.flags[-5:] == typed


@pytest.mark.parametrize('is_best_there', [True, False])
def test_of_all_layers_the_best_checkpoint_is_evaluated(commands, is_best_there):
    best = commands.home / 'train/flowers_vgg_16/all/best'
    best.mkdir(parents=True)
    if is_best_there:
        (best / 'checkpoint').write_text('model_checkpoint_path: "model.ckpt-7"\n')
    evaluation = commands('finetune', 'vgg_16', 'flowers')[-1]
    assert evaluation.values['checkpoint_path'] == str(best if is_best_there else best.parent)
    assert evaluation.values['eval_dir'] == f'{best.parent}/eval'


def test_the_head_alone(commands, capsys):
    calls = commands('finetune', 'inception_v3', 'flowers', '--head_only', '--seed=3')
    assert [call.program for call in calls] == ['-c', DATA, TRAIN, EVALUATE]
    assert calls[2].flags[-2:] == ['--optimizer=lbfgs', '--seed=3']
    assert '\n== \n' not in capsys.readouterr().out


@pytest.mark.parametrize('has_pictures', [True, False])
def test_records_without_pictures_are_used_as_they_are(commands, monkeypatch, has_pictures):
    data = commands.home / 'data'
    (data / 'pets').mkdir(parents=True) if has_pictures else data.mkdir()
    (data / 'pets_train_00000-of-00001.tfrecord').touch()
    monkeypatch.setenv('DATASET_DIR', str(data))
    calls = commands('train_from_scratch', 'lenet', 'pets')
    assert [call.program for call in calls] == [DATA] * has_pictures + [TRAIN, EVALUATE]


def test_directories_and_weights_are_those_of_the_environment(commands, monkeypatch):
    monkeypatch.setenv('TRAIN_DIR', 'a run')
    monkeypatch.setenv('DATASET_DIR', 'the data')
    monkeypatch.setenv('CHECKPOINT_PATH', 'my vgg.ckpt')
    convert, head, *_ = commands('finetune', 'vgg_16', 'mine')
    assert convert.program == DATA
    assert head.values['train_dir'] == 'a run'
    assert head.values['dataset_dir'] == 'the data'
    assert head.values['checkpoint_path'] == 'my vgg.ckpt'


def test_from_scratch_is_one_training(commands, capsys):
    calls = commands('train_from_scratch', 'cifarnet', 'cifar10', '--seed=1')
    assert [call.program for call in calls] == [DATA, TRAIN, EVALUATE]
    assert calls[1].values == {
        'dataset_name': 'cifar10',
        'dataset_dir': f'{commands.home}/data/flower',
        'model_name': 'cifarnet',
        'train_dir': f'{commands.home}/train/cifar10_cifarnet',
        'max_number_of_steps': '100000',
        'batch_size': '128',
        'optimizer': 'sgd',
        'learning_rate': '0.1',
        'learning_rate_decay_factor': '0.1',
        'num_epochs_per_decay': '200',
        'weight_decay': '0.004',
        'seed': '1',
    }
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"next: DATASET_NAME=cifar10 MODEL_NAME=cifarnet '{commands.root}/scripts/export_freeze.sh'"
    )


@pytest.mark.parametrize('name', ['finetune', 'train_from_scratch'])
@pytest.mark.parametrize('typed', [[], ['lenet'], ['--batch_size=3'], ['lenet', '--seed=1']])
def test_without_network_and_data_set_the_usage_is_the_error(commands, name, typed):
    with pytest.raises(UserError) as error:
        commands(name, *typed)
    assert str(error.value) == (
        f'usage: scripts/{name}.sh MODEL DATASET [flags of train_image_classifier.py]'
    )


def test_an_edited_env_set_that_fixes_the_network_is_an_error(commands):
    settings = commands.root / 'scripts/env_set.sh'
    settings.write_text(settings.read_text() + 'export MODEL_NAME=inception_v4\n')
    with pytest.raises(UserError, match=r'env_set.sh always sets MODEL_NAME=inception_v4 '):
        commands('train_from_scratch', 'lenet', 'mnist')
