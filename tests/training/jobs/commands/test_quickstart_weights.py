"""quickstart.sh: which weights it starts from, and what it does without any."""

import re

import pytest

from classifiers import model_info
from common.errors import UserError
from support.files import small_models

NAME = 'mobilenet_v1_1.0_224'


@pytest.fixture(autouse=True)
def pictures(quick):
    (quick.work.parent / 'pictures/a kind').mkdir(parents=True)


def trained(quick):
    """Return the flags of the training as {name: value}."""
    train = quick.calls()[1]
    assert train[0] == 'train_image_classifier'
    return dict(flag[2:].split('=', 1) for flag in train[1:])


def test_own_pictures_start_from_released_weights(quick):
    quick.unreachable = ''
    output = quick('--images=pictures', '--no_serve')
    path = f'{quick.work.parent}/my home/pre_trained/{NAME}/{NAME}.ckpt'
    assert re.search(rf'^weights: {path} \(\d s\)$', output, re.MULTILINE)
    assert '[2/7] train a new last layer of mobilenet_v1' in output
    flags = trained(quick)
    assert (flags['model_name'], flags['checkpoint_path']) == ('mobilenet_v1', path)
    assert (flags['trainable_scopes'], flags['optimizer']) == ('head', 'lbfgs')
    # They are not asked for again, and not trained on again.
    quick.unreachable = 'mirror: unknown host'
    output = quick('--images=pictures', '--no_serve')
    assert f'weights: {path}\n' in output
    assert quick.asked == ['mobilenet_v1']
    assert quick.programs() == ['download_and_convert_data', 'classify_image']


@pytest.mark.parametrize('fails', ['asking', 'downloading'])
def test_without_them_one_line_says_so_and_random_weights_are_trained(quick, fails):
    if fails == 'downloading':
        quick.unreachable, quick.download_fails = '', 'error: the disk is full'
    output = quick('--images=pictures', '--no_serve')
    why = 'mirror: unknown host' if fails == 'asking' else 'the disk is full'
    assert output.count(f'no released weights ({why}): training from random weights\n') == 1
    assert trained(quick)['model_name'] == 'mobilenet_v1_025'


def test_weights_of_a_given_name_may_not_be_missing(quick):
    with pytest.raises(UserError, match=r'^--weights=inception_v3: mirror: unknown host$'):
        quick('--images=pictures', '--weights=inception_v3')
    assert (quick.asked, quick.calls()) == (['inception_v3'], [])


def test_no_weights_are_fetched_if_none_are_wanted(quick):
    quick('--no_serve')
    quick('--no_serve', '--images=pictures', '--weights=none')
    assert quick.asked == []
    assert trained(quick)['model_name'] == 'mobilenet_v1_025'


def write_checkpoint(folder, name='model.ckpt-1'):
    folder.mkdir()
    (folder / f'{name}.index').touch()
    return folder / name


@pytest.mark.parametrize('how', ['file', 'directory'])
def test_a_checkpoint_is_of_the_network_in_its_model_json(quick, tmp_path, how):
    path = write_checkpoint(tmp_path / 'my weights')
    model_info.write(path.parent, small_models.describe('lenet'))
    path = path if how == 'file' else path.parent
    quick('--images=pictures', '--no_serve', f'--weights={path}')
    flags = trained(quick)
    assert (flags['model_name'], flags['checkpoint_path']) == ('lenet', str(path))
    assert quick.asked == []


@pytest.mark.parametrize('typed', ['resnet_v1b_50', 'timm/resnet50.a1_in1k', 'timm/resnet50'])
def test_weights_of_other_programs_have_names(quick, typed):
    quick.unreachable = ''
    output = quick('--images=pictures', '--no_serve', f'--weights={typed}')
    folder = f'{quick.work.parent}/my home/pre_trained/timm_resnet50.a1_in1k'
    assert f'weights: {folder}/resnet_v1b_50.ckpt' in output
    flags = trained(quick)
    assert flags['model_name'] == 'resnet_v1b_50'
    assert flags['checkpoint_path'] == f'{folder}/resnet_v1b_50.ckpt'
    # Size and preprocessing are those of the checkpoint's model.json.
    assert not {'train_image_size', 'preprocessing_name'} & flags.keys()
    assert quick.asked == [typed]


def test_a_checkpoint_is_trained_on_anew_when_it_has_changed(quick, tmp_path):
    path = write_checkpoint(tmp_path / 'weights', 'vgg_16.ckpt')
    typed = ('--no_serve', '--weights=weights/vgg_16.ckpt')
    quick(*typed)
    assert trained(quick)['model_name'] == 'vgg_16'
    quick(*typed)
    assert 'train_image_classifier' not in quick.programs()
    path.with_name('vgg_16.ckpt.index').write_text('other weights')
    quick(*typed)
    assert 'train_image_classifier' in quick.programs()


def test_a_flag_names_the_network_where_no_file_does(quick, tmp_path):
    path = write_checkpoint(tmp_path / 'weights')
    with pytest.raises(
        UserError, match=r'no model\.json beside it; name its network with --model_'
    ):
        quick(f'--weights={path}')
    quick(f'--weights={path}', '--model_name=lenet', '--no_serve')
    assert trained(quick)['model_name'] == 'lenet'


@pytest.mark.parametrize(
    ('typed', 'words'),
    [
        (['--weights=mobilnet_v1'], "unknown checkpoint 'mobilnet_v1'; known, nearest first: mobi"),
        (['--weights=some/where.ckpt'], 'where.ckpt: no such checkpoint or directory'),
        (['--weights=pictures'], 'pictures: no checkpoint in this directory'),
        (['--weights=weights', '--model_name=lennet'], "unknown network 'lennet'; known, nearest"),
        (['--weights=weights/vgg_16.ckpt', '--model_name=lenet'], 'vgg_16.ckpt is of vgg_16'),
        (['--model_name=lenet'], '--model_name: names the network of a checkpoint; pass --weights'),
    ],
)
def test_a_mistake_is_found_before_anything_is_installed(quick, tmp_path, typed, words):
    write_checkpoint(tmp_path / 'weights', 'vgg_16.ckpt')
    with pytest.raises(UserError, match=re.escape(words)):
        quick(*typed)
    assert (quick.calls(), quick.setups, quick.work.exists()) == ([], 0, False)
