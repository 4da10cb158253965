"""Published weights from a server on this machine: what is taken, and what is said about it."""

import hashlib
import os
import subprocess
import tarfile

import numpy as np
import pytest
from safetensors.numpy import save

from classifiers import checkpoints, model_info
from classifiers.published import released_archives
from common.download import Expected
from common.errors import UserError
from support import reference
from support.files import checkpoint_files
from support.network import http_files
from training.jobs import programs
from training.jobs.commands import download_checkpoint
from weights import program
from weights.import_options import ImportOptions
from weights.published import offers, ports

NETWORK = 'mobilenet_v1_025'
ARCHIVE = 'mobilenet_v1_0.25_128_2017_06_14.tar.gz'


@pytest.fixture(scope='module')
def shapes():
    shapes = dict(reference.facts(NETWORK)['model_variables'])
    for role, classes in (('weights', (1, 1, 256, 1000)), ('biases', (1000,))):
        shapes[f'MobilenetV1/Logits/Conv2d_1c_1x1/{role}'] = classes
    return shapes


@pytest.fixture(scope='module')
def data(shapes):
    """Return the bytes of a file that a program has published."""
    return save(checkpoint_files.random_values(shapes))


@pytest.fixture
def port(monkeypatch, data):
    """Return the only port, of which the data is."""
    port = ports.Port(
        'timm', 'small', 'in1k', NETWORK, 128, "TF-Slim's own weights",
        'https://example.org/small/model.safetensors', 'small.in1k.safetensors', 40.04, 65.0,
        'bicubic, central 87.5%', Expected(sha256=hashlib.sha256(data).hexdigest()),
    )  # fmt: skip
    monkeypatch.setattr(ports, 'PORTS', {port.name: port})
    return port


@pytest.fixture
def site(port, data):
    """Yield a server that refuses the archive and has the port's file."""
    with http_files.serve({f'/{port.file_name}': data}) as site:
        site.mishaps[f'/{ARCHIVE}'] = [403] * 9
        yield site


DIFFERENCE = (
    "timm/small.in1k: TF-Slim's own weights; 1,000 classes, without a background class; "
    'top-1 40.0 in timm (bicubic, central 87.5%)'
)


@pytest.mark.parametrize('typed', [NETWORK, 'mobilenet_v1_0.25_128'])
def test_a_refused_archive_is_replaced_by_a_port(site, port, data, tmp_path, capsys, typed):
    download_checkpoint.fetch(typed, tmp_path, site.address)
    path = tmp_path / 'timm_small.in1k' / f'{NETWORK}.ckpt'
    out, errors = capsys.readouterr()
    lines = [line for line in out.splitlines() if 'there are also' not in line]
    file = path.parent / port.file_name
    assert lines == [
        f'archive {ARCHIVE}: {site.address}/{ARCHIVE}: 403 Forbidden',
        DIFFERENCE,
        f'{file}: TF-Slim, imported as {NETWORK}',
        '137 variables, 1000 classes, 128 pixels',
        'preprocessing: inception (the usual one)',
        f'fetched, all 137 variables as {NETWORK} has them: {path}',
    ]
    assert 'SHA-256' not in errors  # It is published, and was compared.
    names = [f'{path.name}.data-00000-of-00001', f'{path.name}.index', 'model.json']
    assert sorted(os.listdir(path.parent)) == names
    assert os.listdir(tmp_path) == [path.parent.name]
    info = model_info.read_beside(path.parent)
    assert (info.model_name, info.num_classes, info.labels_offset) == (NETWORK, 1000, 1)
    assert (info.image_size, info.class_names[0]) == (128, 'tench, Tinca tinca')
    assert info.weights_source == f'{site.address}/{port.file_name}'
    assert checkpoints.fault(str(path)) is None
    # The second call asks nobody.
    count = len(site.requests)
    download_checkpoint.fetch(typed, tmp_path, site.address)
    out = capsys.readouterr().out.splitlines()
    assert out[-2:] == [DIFFERENCE, lines[-1].replace('fetched', 'already there')]
    assert len(site.requests) == count
    assert download_checkpoint.place(typed, str(tmp_path)) == (str(path), NETWORK)


@pytest.mark.parametrize('typed', ['timm/small.in1k', 'small.in1k', 'SMALL.in1k'])
def test_a_port_can_be_named(site, tmp_path, typed):
    download_checkpoint.fetch(typed, tmp_path, site.address)
    assert [path for path, _ in site.requests] == ['/small.in1k.safetensors']
    assert os.listdir(tmp_path) == ['timm_small.in1k']


def test_a_source_can_be_chosen(site, tmp_path):
    download_checkpoint.fetch(NETWORK, tmp_path, site.address, 'timm')
    assert [path for path, _ in site.requests] == ['/small.in1k.safetensors']
    with pytest.raises(UserError, match=f'{ARCHIVE} could not be .*403 Forbidden'):
        download_checkpoint.fetch(NETWORK, tmp_path, site.address, 'archive')
    with pytest.raises(UserError, match='--source=keras: has no weights of mobilenet_v1_025; ther'):
        download_checkpoint.fetch(NETWORK, tmp_path, site.address, 'keras')


def test_a_folder_can_be_the_mirror(port, data, tmp_path, monkeypatch):
    (tmp_path / 'mirror').mkdir()
    (tmp_path / 'mirror' / port.file_name).write_bytes(data)
    monkeypatch.setenv('SLIM_CHECKPOINT_MIRROR', str(tmp_path / 'mirror'))
    download_checkpoint.fetch(NETWORK, tmp_path / 'there')
    info = model_info.read_beside(tmp_path / 'there' / port.folder)
    assert info.weights_source == f'{tmp_path}/mirror/{port.file_name}'


def test_an_interrupted_download_is_resumed(site, port, data, tmp_path):
    site.mishaps[f'/{port.file_name}'] = [('cut', 5_000), 404]
    with pytest.raises(UserError, match=f'{NETWORK} could not be downloaded .archive .*403.*404'):
        download_checkpoint.fetch(NETWORK, tmp_path, site.address)
    assert not released_archives.is_there(port, tmp_path)
    download_checkpoint.fetch(NETWORK, tmp_path, site.address)
    assert site.requests[-1][1] == 'bytes=5000-'


@pytest.mark.parametrize('how', ['truncated', 'another file'])
def test_a_file_with_another_hash_is_not_used(site, port, data, tmp_path, how):
    site.files[f'/{port.file_name}'] = data[:-9] if how == 'truncated' else b'x' * len(data)
    with pytest.raises(UserError, match=r'timm/small.in1k: .*sha256 .*, expected '):
        download_checkpoint.fetch(NETWORK, tmp_path, site.address)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ('how', 'words'),
    [
        ('truncated', 'not a complete safetensors file'),
        ('a page', 'a web page'),
        ('another network', 'not of mobilenet_v1_025'),
        ('a part', 'MobilenetV1/Conv2d_0/weights'),
    ],
)
def test_a_file_that_cannot_be_imported_is_named(
    site, port, data, shapes, tmp_path, monkeypatch, how, words
):
    """No hash of it is published."""
    fewer = {name: shape for name, shape in shapes.items() if 'Conv2d_0/weights' not in name}
    files = {
        'truncated': data[:-9],
        'a page': b'<html>sorry</html>',
        'another network': save({'LeNet/conv1/weights': np.zeros(3)}),
        'a part': save(checkpoint_files.random_values(fewer)),
    }
    unverified = ports.dataclasses.replace(port, expected=None)
    monkeypatch.setattr(ports, 'PORTS', {port.name: unverified})
    site.files[f'/{port.file_name}'] = files[how]
    file = tmp_path / port.folder / port.file_name
    for _ in range(2):  # The second call does not download it again.
        with pytest.raises(UserError) as error:
            download_checkpoint.fetch(NETWORK, tmp_path, site.address)
        assert str(error.value).startswith(str(file))
        assert words in str(error.value)
        assert str(error.value).endswith(f'; delete {file} and run the command again')
        assert os.listdir(file.parent) == [file.name]


@pytest.mark.parametrize('v1', [False, True])
def test_an_archive_with_a_checkpoint_is_converted(shapes, tmp_path, monkeypatch, capsys, v1):
    values = checkpoint_files.random_values(shapes)
    checkpoint_files.write(tmp_path / 'made/there', values, 'model.ckpt-7', v1=v1)
    packed = ports.Port(
        'archive', 'small-2016', '', NETWORK, 128, 'older weights',
        'https://example.org/x/small-2016.tar.gz', 'small-2016.tar.gz', member='model.ckpt-7',
    )  # fmt: skip
    monkeypatch.setattr(ports, 'PORTS', {packed.name: packed})
    mirror = tmp_path / 'mirror'
    mirror.mkdir()
    with tarfile.open(mirror / packed.file_name, 'w:gz', compresslevel=1) as container:
        container.add(tmp_path / 'made', '.')
    for typed in ('small-2016', 'http://there/x/small-2016.tar.gz'):
        download_checkpoint.fetch(typed, tmp_path / 'out', str(mirror))
    path = tmp_path / 'out/small-2016' / f'{NETWORK}.ckpt'
    assert (
        f'already there, all 137 variables as {NETWORK} has them: {path}' in capsys.readouterr().out
    )
    names = [f'{path.name}.data-00000-of-00001', f'{path.name}.index', 'model.json']
    assert sorted(os.listdir(path.parent)) == names
    wrong = ports.dataclasses.replace(packed, member='model.ckpt-8')
    monkeypatch.setattr(ports, 'PORTS', {packed.name: wrong})
    with pytest.raises(UserError, match=r'gz: contains no checkpoint model\.ckpt-8.*; delete '):
        download_checkpoint.fetch('small-2016', tmp_path / 'other', str(mirror))


def test_what_a_killed_run_left_is_replaced(site, port, data, tmp_path):
    folder = tmp_path / port.folder
    checkpoint_files.write(folder, name=f'{NETWORK}.ckpt', state=False)
    (folder / port.file_name).write_bytes(data)
    download_checkpoint.fetch(NETWORK, tmp_path, site.address)
    assert model_info.read_beside(folder).model_name == NETWORK


def test_a_checkpoint_that_was_damaged_since_is_noticed(site, port, tmp_path):
    download_checkpoint.fetch(NETWORK, tmp_path, site.address)
    checkpoint_files.flip(f'{tmp_path}/{port.folder}/{NETWORK}.ckpt.data-00000-of-00001')
    with pytest.raises(UserError, match=r'damaged .*; delete it'):
        download_checkpoint.fetch(NETWORK, tmp_path, site.address)


def test_whether_one_of_them_can_be_reached_is_asked(site, port, capsys):
    download_checkpoint.ask(NETWORK, site.address)
    assert capsys.readouterr().out == '\n'
    del site.files[f'/{port.file_name}']
    download_checkpoint.ask(NETWORK, site.address)
    out = capsys.readouterr().out
    assert f'{ARCHIVE}: ' in out
    assert f'{port.file_name}: ' in out


def test_import_weights_takes_the_name_of_a_port(site, port, data, tmp_path, monkeypatch):
    monkeypatch.setenv('SLIM_CHECKPOINT_MIRROR', site.address)
    options = ImportOptions(source='small.in1k', output=str(tmp_path / 'out'))
    options.check_files()
    lines = []
    for state in ('written', 'already there'):
        program.run(options, lines.append)
        assert lines[-1] == f'{state}: {tmp_path}/out/{NETWORK}.ckpt and model.json'
    assert lines[0] == DIFFERENCE
    assert len(site.requests) == 1
    assert port.file_name not in os.listdir(tmp_path / 'out')
    assert model_info.read_beside(tmp_path / 'out').image_size == 128
    with pytest.raises(UserError, match=r'inception_v1_2016_08_28.tar.gz has a checkpoint'):
        ImportOptions(source='inception_v1', output='out').check_files()


def test_nothing_of_an_import_remains_where_a_port_cannot_be_downloaded(port, tmp_path):
    options = ImportOptions(source='small.in1k', output=str(tmp_path / 'out'))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv('SLIM_CHECKPOINT_MIRROR', str(tmp_path))
        with pytest.raises(UserError, match=r'small.in1k.safetensors could not be downloaded'):
            program.run(options, print)
    assert os.listdir(tmp_path) == []


def test_a_name_that_nothing_can_be_downloaded_for_is_an_error_before_tensorflow_loads(tmp_path):
    interpreter, *call = programs.function(
        'training.jobs.commands.download_checkpoint', 'fetch', 'vgg_a', tmp_path, '/none'
    )
    done = subprocess.run(
        [interpreter, '-X', 'importtime', *call], capture_output=True, text=True, check=False
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith('error: vgg_a could not be downloaded (timm/vgg11.tv_in1k: /none/vgg11')
    assert 'torchvision/vgg11.imagenet1k_v1: /none/vgg11-8a719046.pth: No such file' in last
    assert 'tensorflow' not in done.stderr
    assert os.listdir(tmp_path) == []


def test_the_first_that_is_there_is_taken(port, tmp_path):
    found = offers.find(NETWORK)
    assert offers.at_hand(found, str(tmp_path)) is None
    for offer in reversed(found):
        os.makedirs(released_archives.folder(offer, tmp_path))
        open(f'{released_archives.folder(offer, tmp_path)}/model.json', 'w').close()
        assert offers.at_hand(found, str(tmp_path)) is offer


@pytest.mark.soak
def test_the_auxiliary_head_may_be_missing(tmp_path, monkeypatch, capsys):
    shapes = reference.facts('inception_v3')['model_variables']
    values = checkpoint_files.random_values(shapes)
    body = {name: value for name, value in values.items() if 'AuxLogits' not in name}
    port = ports.Port(
        'timm', 'without', 'it', 'inception_v3', 299, 'random weights', 'https://example.org/x',
        'without.it.safetensors',
    )  # fmt: skip
    monkeypatch.setattr(ports, 'PORTS', {port.name: port})
    (tmp_path / port.file_name).write_bytes(save(body))
    for state in ('fetched', 'already there'):
        download_checkpoint.fetch('timm/without.it', tmp_path / 'out', str(tmp_path))
        line = f'{state}, all {len(body)} variables as inception_v3 has them: '
        assert line in capsys.readouterr().out
