"""Which networks are compared: names, paths, and what a folder of checkpoints contains."""

import pytest

from classifiers import model_info
from common.errors import UserError
from support.files import small_models
from training.jobs.comparison import candidates
from training.jobs.comparison.candidates import Candidate


def put(path, content='', **description):
    """Write a stand-in for a checkpoint, and a model.json with these values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name(f'{path.name}.index').write_text(content)
    if description:
        model_info.write(path.parent, small_models.describe(**description))
    return path


@pytest.fixture
def folder(tmp_path):
    """Return a folder with two releases, a network of the user's, and an unknown checkpoint."""
    folder = tmp_path / 'pre trained'
    for name in ('vgg_16', 'mobilenet_v1_0.25_128', 'mobilenet_v1_0.25_160'):
        put(folder / name / f'{name}.ckpt')
    put(folder / 'mine/model.ckpt-7', model_name='lenet')
    put(folder / 'unknown/model.ckpt-7')
    put(folder / 'inception_v1.ckpt')
    return folder


def names(found):
    return [(candidate.name, candidate.network) for candidate in found]


def test_without_names_all_known_networks_of_the_folder_are_compared(folder):
    assert names(candidates.choose([], str(folder), is_random=False)) == [
        ('inception_v1', 'inception_v1'),
        ('mine/model.ckpt-7', 'lenet'),
        ('mobilenet_v1_0.25_128', 'mobilenet_v1_025'),
        ('mobilenet_v1_0.25_160', 'mobilenet_v1_025'),
        ('vgg_16', 'vgg_16'),
    ]


def test_a_network_means_all_its_checkpoints_and_a_release_one(folder):
    typed = ['mobilenet_v1_0.25_160', 'mobilenet_v1_025']
    assert [name for name, _ in names(candidates.choose(typed, str(folder), False))] == [
        'mobilenet_v1_0.25_160',
        'mobilenet_v1_0.25_128',
    ]


@pytest.mark.parametrize('how', ['checkpoint', 'directory'])
def test_a_path_means_the_checkpoint_there(folder, tmp_path, how):
    path = put(tmp_path / 'run/model.ckpt-3', model_name='lenet')
    (path.parent / 'checkpoint').write_text('model_checkpoint_path: "model.ckpt-3"\n')
    typed = path if how == 'checkpoint' else path.parent
    (found,) = candidates.choose([str(typed)], str(folder), False)
    assert found == Candidate('run/model.ckpt-3', 'lenet', str(path))


@pytest.mark.parametrize('typed', ['vgg_19', 'timm/vgg19.tv_in1k', 'vgg19.tv_in1k'])
def test_weights_of_other_programs_are_known_by_their_names(folder, typed):
    path = put(folder / 'timm_vgg19.tv_in1k/vgg_19.ckpt', model_name='vgg_19')
    name = 'timm_vgg19.tv_in1k/vgg_19.ckpt'
    (found,) = candidates.choose([typed], str(folder), False)
    assert found == Candidate(name, 'vgg_19', str(path))
    assert (name, 'vgg_19') in names(candidates.choose([], str(folder), False))
    (found,) = candidates.choose([str(path.parent)], str(folder), False)
    assert found == Candidate(name, 'vgg_19', str(path))


def test_random_weights_need_only_a_name(folder):
    (found,) = candidates.choose(['resnet_v2_200'], str(folder), True)
    assert (found.network, found.checkpoint) == ('resnet_v2_200', '')


@pytest.mark.parametrize(
    ('typed', 'is_random', 'words'),
    [
        (['vgg_61'], False, "unknown network or checkpoint 'vgg_61'; known, nearest first: vgg_16"),
        (['vgg_19'], False, 'pre trained; scripts/download_checkpoint.sh vgg_19 downloads'),
        (['./nothing.ckpt'], False, 'nothing.ckpt: no such checkpoint'),
        (
            ['{0}/unknown'],
            False,
            'unknown/model.ckpt-7: no model.json beside it says what network it is',
        ),
        (['vgg_61'], True, "unknown network 'vgg_61'"),
        ([], True, '--random: name the networks'),
    ],
)
def test_what_cannot_be_meant_is_an_error(folder, typed, is_random, words):
    (folder / 'unknown/checkpoint').write_text('model_checkpoint_path: "model.ckpt-7"\n')
    with pytest.raises(UserError) as error:
        candidates.choose([name.format(folder) for name in typed], str(folder), is_random)
    assert words in str(error.value)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(UserError, match='contains no checkpoint of a known network'):
        candidates.choose([], str(tmp_path), False)


def test_a_result_belongs_to_weights_pictures_and_size(tmp_path):
    path = put(tmp_path / 'a/vgg_16.ckpt', 'weights', model_name='lenet')
    candidate = Candidate('vgg_16', 'vgg_16', str(path))
    keys = {candidate.key('records'), candidate.key('other records')}
    model_info.write(path.parent, small_models.describe('lenet', 32))
    keys.add(candidate.key('records'))
    put(path, 'other weights')
    keys.add(candidate.key('records'))
    assert len(keys) == 4
    # The same files in another place are the same weights.
    moved = tmp_path / 'b'
    path.parent.rename(moved)
    assert Candidate('vgg_16', 'vgg_16', str(moved / path.name)).key('records') in keys
