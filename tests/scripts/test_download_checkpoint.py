"""scripts/download_checkpoint.sh: archives that the test makes, from a server on this machine."""

import hashlib
import io
import os
import shlex
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest

from classifiers import checkpoints, model_info
from classifiers.published import pretrained, released_archives
from common import imagenet
from common.errors import UserError
from nets import nets_factory, released
from support import reference
from support.checkout import ROOT
from support.files import checkpoint_files
from support.network import http_files
from training.jobs import programs
from training.jobs.commands import download_checkpoint
from weights.published import ports

SCRIPT = ROOT / 'scripts' / 'download_checkpoint.sh'
SMALLEST = 'mobilenet_v1_0.25_128'


def archive(directory, release, missing='', **changed):
    """Return the bytes of an archive as the released ones are made, all weights zero."""
    shapes = reference.facts(release.network)['model_variables'] | changed
    values = {
        name: np.zeros(shape, np.float32) for name, shape in shapes.items() if name != missing
    }
    # The releases of 2016 hold one file of the older format, and some a variable more.
    older = '_2016_' in release.archive
    if older:
        values['global_step'] = np.int64(0)
    packed = release.packed_as.replace('*', 'any-7') or release.checkpoint
    folder = Path(directory, packed).parent
    checkpoint_files.write(folder, values, Path(packed).name, v1=older, state=False)
    return tar(directory)


def tar(directory):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w:gz', compresslevel=1) as container:
        for path in sorted(Path(directory).iterdir()):
            container.add(path, f'./{path.name}')
    return stream.getvalue()


@pytest.fixture(scope='module')
def release():
    return pretrained.choose(SMALLEST)


@pytest.fixture(scope='module')
def packed(tmp_path_factory, release):
    return archive(tmp_path_factory.mktemp('made'), release)


def fetch(release, directory, data):
    """Fetch a release from a mirror that has `data` for it; return the Fetched and the Site."""
    with http_files.serve({f'/models/{release.archive}': data}) as site:
        return pretrained.fetch(release, directory, f'{site.address}/models/'), site


def run(*arguments, **environment):
    return subprocess.run(
        [SCRIPT, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def last_line(errors):
    return errors.strip().splitlines()[-1]


def test_the_command_fetches_into_a_folder_with_spaces_and_then_finds_it(
    tmp_path, release, packed, capsys
):
    target = tmp_path / 'pre trained'
    with http_files.serve({f'/{release.archive}': packed}) as site:
        first = run('mobilenet_v1_025', target, f'--mirror={site.address}')
        download_checkpoint.fetch(SMALLEST, target, site.address)
    path = target / SMALLEST / f'{SMALLEST}.ckpt'
    assert first.returncode == 0, first.stderr
    assert f'{SMALLEST}; there are also mobilenet_v1_0.25_224' in first.stdout
    assert f'{release.archive}: SHA-256 {hashlib.sha256(packed).hexdigest()}' in first.stderr
    variables = len(reference.facts('mobilenet_v1_025')['model_variables'])
    assert f'fetched, all {variables} variables as mobilenet_v1_025 has them' in first.stdout
    fetched, following = first.stdout.splitlines()[-2:]
    again = capsys.readouterr().out
    assert again.splitlines()[0] == fetched.replace('fetched', 'already there')
    for settings in ('MODEL_NAME=mobilenet_v1_025', f'CHECKPOINT_PATH={path}'):
        assert settings in shlex.split(following.removeprefix('next: '))
    assert str(path) in again
    assert len(site.requests) == 1
    # The archive is not kept, nor anything of the way.
    assert sorted(os.listdir(target / SMALLEST)) == [
        f'{path.name}.data-00000-of-00001',
        f'{path.name}.index',
        'model.json',
    ]


@pytest.mark.parametrize('name', [release.name for release in released.RELEASES.values()])
def test_every_release_is_known_by_its_name_and_described(name):
    found = pretrained.choose(name)
    assert found.name == name
    assert released_archives.address(found) == found.url
    assert released_archives.address(found, '/a path/') == f'/a path/{found.archive}'
    info = pretrained.describe(found, 'there')
    assert (info.model_name, info.image_size) == (found.network, found.image_size)
    assert len(info.class_names) == info.num_classes
    tench = info.class_names[1 - info.labels_offset]
    assert tench == imagenet.names()[1]


def test_a_network_means_the_release_whose_accuracy_is_known():
    chosen = [pretrained.choose(f'mobilenet_v1{width}').name for width in ('', '_075', '_050')]
    assert chosen == ['mobilenet_v1_1.0_224', 'mobilenet_v1_0.75_224', 'mobilenet_v1_0.50_160']


def check_network(name, directory):
    release = pretrained.choose(name)
    found, _ = fetch(release, directory / 'here', archive(directory / 'made', release))
    info = model_info.read_beside(found.path)
    assert info.model_name == release.network
    assert info.weights_source.endswith(release.archive)
    assert (info.labels_offset, info.num_classes) == (1001 - release.classes, release.classes)
    assert checkpoints.fault(found.path) is None
    assert released.by_checkpoint(found.path) is release


def test_an_archive_of_the_older_format_is_understood(tmp_path):
    check_network('inception_v1', tmp_path)


def test_a_checkpoint_of_another_name_gets_that_of_its_release(tmp_path):
    check_network('v3-small-minimalistic_224_1.0_float', tmp_path)
    folder = tmp_path / 'here' / 'v3-small-minimalistic_224_1.0_float'
    assert sorted(path.name for path in folder.iterdir()) == [
        'model.json',
        f'{folder.name}.ckpt.data-00000-of-00001',
        f'{folder.name}.ckpt.index',
    ]


@pytest.mark.soak
@pytest.mark.parametrize(
    'name',
    ['inception_v2', 'inception_v3', 'inception_v4', 'inception_resnet_v2', 'resnet_v1_50',
     'resnet_v2_50', 'vgg_16', 'mobilenet_v1_0.50_160', 'mobilenet_v1_0.75_192',
     'mobilenet_v2_1.0_96', 'v3-large_224_1.0_float', 'mobilenet_edgetpu_075'],
)  # fmt: skip
def test_archives_of_every_family(tmp_path, name):
    check_network(name, tmp_path)


@pytest.mark.parametrize('averaged', [True, False])
def test_moving_averages_are_used_where_a_release_was_measured_with_them(tmp_path, averaged):
    release = pretrained.choose('mobilenet_v2_0.35_96')
    weights = 'MobilenetV2/Conv/weights'
    average = {weights + checkpoints.AVERAGE_SUFFIX: (3, 3, 3, 16)} if averaged else {}
    found, _ = fetch(release, tmp_path / 'here', archive(tmp_path / 'made', release, **average))
    assert model_info.read_beside(found.path).moving_average_decay == (0.9999 if averaged else None)


def test_a_download_that_broke_off_goes_on(tmp_path, release, packed):
    with http_files.serve({f'/{release.archive}': packed}) as site:
        site.mishaps[f'/{release.archive}'] = [('cut', 5_000), 404]
        with pytest.raises(UserError, match='5,000 bytes are kept'):
            pretrained.fetch(release, tmp_path, site.address)
        pretrained.fetch(release, tmp_path, site.address)
        assert site.requests[-1][1] == 'bytes=5000-'


def test_what_a_killed_run_left_is_used(tmp_path, release, packed):
    folder = tmp_path / release.name
    (folder / '.unpacked').mkdir(parents=True)
    (folder / '.unpacked' / 'half').write_text('of it')
    (folder / release.archive).write_bytes(packed)
    found = pretrained.fetch(release, tmp_path, 'http://127.0.0.1:1')
    assert found.is_new
    assert 'half' not in os.listdir(folder)


def refusal(release, directory, data):
    with pytest.raises(UserError) as error:
        fetch(release, directory, data)
    # What was refused is described by nothing, and no program takes it for a checkpoint.
    folder = directory / release.name
    assert os.listdir(folder) == [release.archive]
    assert str(folder / release.archive) in str(error.value)
    assert 'delete it' in str(error.value)
    return str(error.value)


def test_what_is_no_whole_archive_is_refused(tmp_path, release, packed):
    assert 'damaged or incomplete' in refusal(release, tmp_path / 'cut', packed[:-9])
    assert 'damaged or incomplete' in refusal(release, tmp_path / 'page', b'<html>sorry</html>')


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'missing': 'MobilenetV1/Conv2d_3_pointwise/weights'}, 'Conv2d_3_pointwise/weights'),
        ({'MobilenetV1/Conv2d_0/weights': (3, 3, 3, 16)}, 'MobilenetV1/Conv2d_0/weights'),
        ({'MobilenetV1/Logits/Conv2d_1c_1x1/biases': (1000,)}, '1000'),
    ],
)
def test_variables_have_to_be_the_networks(tmp_path, release, changes, words):
    data = archive(tmp_path / 'made', release, **changes)
    assert words in refusal(release, tmp_path / 'here', data)


@pytest.mark.soak
def test_a_missing_auxiliary_head_is_noticed(tmp_path):
    release = pretrained.choose('inception_v3')
    data = archive(tmp_path / 'made', release, missing='InceptionV3/AuxLogits/Conv2d_2b_1x1/biases')
    assert 'AuxLogits' in refusal(release, tmp_path / 'here', data)


@pytest.mark.soak
def test_network_without_auxiliary_head_is_whole(tmp_path):
    release = pretrained.choose('pnasnet_mobile')
    shapes = reference.facts(release.network)['model_variables']
    names = [name for name in shapes if not name.startswith('aux_5/')]
    values = {name: np.zeros(shapes[name], np.float32) for name in names}
    checkpoint_files.write(tmp_path / 'made', values, release.packed_as, state=False)
    found, _ = fetch(release, tmp_path / 'here', tar(tmp_path / 'made'))
    assert found.path.endswith('/pnasnet-5_mobile/pnasnet-5_mobile.ckpt')
    assert found.variables == len(names)
    # One with a part of it is damaged.
    values['aux_5/aux_logits/FC/biases'] = np.zeros([1001], np.float32)
    checkpoint_files.write(tmp_path / 'partial', values, release.packed_as, state=False)
    assert 'aux_5/' in refusal(release, tmp_path / 'there', tar(tmp_path / 'partial'))


def test_the_archive_of_another_network_is_refused(tmp_path, release):
    checkpoint_files.write(tmp_path / 'made', name='model.ckpt', state=False)
    words = refusal(release, tmp_path / 'here', tar(tmp_path / 'made'))
    assert f'contains no checkpoint {release.checkpoint}' in words


def test_a_checkpoint_that_was_damaged_since_is_noticed(tmp_path, release, packed):
    found, _ = fetch(release, tmp_path, packed)
    checkpoint_files.flip(f'{found.path}.data-00000-of-00001')
    with pytest.raises(UserError, match=r'damaged .*; delete it'):
        fetch(release, tmp_path, packed)


def test_a_mistyped_name_is_answered_with_the_nearest():
    words = "unknown network or checkpoint 'inceptoin_v4'; known, nearest first: inception_v4"
    with pytest.raises(UserError, match=words):
        pretrained.choose('inceptoin_v4')


def test_networks_without_a_release_say_so():
    without = [name for name in nets_factory.MODELS if not released.by_network(name)]
    assert 'resnet_v2_200' in without
    for name in without:
        with pytest.raises(UserError, match=f'{name}: no checkpoint of it was ever released'):
            pretrained.choose(name)


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        pytest.param(
            ['inceptoin_v4'],
            "unknown network or checkpoint 'inceptoin_v4'; known, nearest first: ",
            marks=pytest.mark.soak,
        ),
        (['vgg_16', '--miror=x'], 'unrecognized arguments: --miror=x'),
    ],
)
def test_a_mistake_is_one_line(tmp_path, arguments, words):
    done = run(*arguments, PRETRAINED_DIR=str(tmp_path / 'there'))
    assert done.returncode == 1
    assert last_line(done.stderr).startswith('error: ')
    assert words in last_line(done.stderr)
    assert 'Traceback' not in done.stderr


@pytest.mark.parametrize(
    ('mirror', 'words'),
    [('http://127.0.0.1:1', 'Connection refused'), ('ftp://127.0.0.1', 'not an address')],
)
def test_a_mirror_that_is_none_is_named(tmp_path, release, mirror, words):
    with pytest.raises(UserError, match=f'{mirror}.*{words}'):
        pretrained.fetch(release, tmp_path, mirror)


def test_a_missing_archive_is_found_before_tensorflow_loads(tmp_path):
    interpreter, *call = programs.function(
        'training.jobs.commands.download_checkpoint', 'fetch', 'inception_v4', tmp_path, '/none'
    )
    done = subprocess.run(
        [interpreter, '-X', 'importtime', *call], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert last_line(done.stderr).startswith(
        'error: inception_v4 could not be downloaded (archive '
    )
    assert 'nets.released' in done.stderr
    assert 'tensorflow' not in done.stderr


def test_without_a_network_all_are_listed():
    done = run()
    assert done.returncode == 0
    archives, *others = done.stdout.split('\n\n')
    rows = [line.split()[0] for line in archives.splitlines()[1:] if line[0] != ' ']
    assert rows == [release.name for release in released.RELEASES.values()]
    rows = [line.split()[0] for part in others for line in part.splitlines()[1:]]
    assert rows == [port.title for port in ports.PORTS.values()]
    assert max(map(len, done.stdout.splitlines())) <= 80
