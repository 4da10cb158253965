import bz2
import gzip
import io
import lzma
import os
import re
import stat
import tarfile
import zipfile

import pytest

from common import archives
from common.errors import UserError

FILES = {'photos/a.txt': b'alpha', 'photos/deep/b.txt': b'beta' * 1000}
DEEP = 'a/' * 200 + 'b'


def make_tar(path, files=FILES, mode='w:gz', extra=()):
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for member in extra:
            archive.addfile(member)
    return path


def make_zip(path, files=FILES):
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tar_member(name, kind, target=''):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def tree(directory):
    found = {}
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, 'rb') as stream:
                found[os.path.relpath(path, directory)] = stream.read()
    return found


@pytest.mark.parametrize('make', [make_tar, make_zip])
def test_a_member_thousands_of_folders_deep_is_refused_in_one_line(tmp_path, make):
    archive = make(tmp_path / 'archive', {'a/' * 3000 + 'b.txt': b'x'})
    with pytest.raises(UserError, match=r'is 3,001 folders deep; at most 100') as error:
        archives.unpack(archive, tmp_path / 'out')
    assert len(str(error.value).replace(str(tmp_path), '')) < 400
    assert tree(tmp_path / 'out') == {}


@pytest.mark.parametrize('mode', ['w', 'w:gz', 'w:bz2', 'w:xz'])
def test_unpacks_tar(tmp_path, mode):
    # The name says nothing: the kind comes from the bytes.
    archive = make_tar(tmp_path / 'archive.bin', mode=mode)
    archives.unpack(archive, tmp_path / 'out')
    assert tree(tmp_path / 'out') == FILES


def test_unpacks_zip(tmp_path):
    archives.unpack(make_zip(tmp_path / 'archive'), tmp_path / 'out')
    assert tree(tmp_path / 'out') == FILES


@pytest.mark.parametrize(('suffix', 'module'), [('gz', gzip), ('bz2', bz2), ('xz', lzma)])
def test_unpacks_a_single_file(tmp_path, suffix, module):
    archive = tmp_path / f'images-idx3-ubyte.{suffix}'
    archive.write_bytes(module.compress(b'pixels'))
    archives.unpack(archive, tmp_path / 'out')
    assert tree(tmp_path / 'out') == {'images-idx3-ubyte': b'pixels'}


def test_joins_what_is_there(tmp_path):
    (tmp_path / 'photos').mkdir()
    (tmp_path / 'photos' / 'mine.txt').write_bytes(b'mine')
    (tmp_path / 'photos' / 'a.txt').write_bytes(b'old')
    archive = make_tar(tmp_path / 'x.tgz')
    archives.unpack(archive, tmp_path)
    archive.unlink()
    assert tree(tmp_path) == FILES | {'photos/mine.txt': b'mine'}


def test_links_inside_become_copies(tmp_path):
    links = [
        tar_member('photos/soft.txt', tarfile.SYMTYPE, 'deep/b.txt'),
        tar_member('photos/deep/up.txt', tarfile.SYMTYPE, '../a.txt'),
        tar_member('hard.txt', tarfile.LNKTYPE, 'photos/a.txt'),
    ]
    archives.unpack(make_tar(tmp_path / 'x.tgz', extra=links), tmp_path / 'out')
    found = tree(tmp_path / 'out')
    assert found['photos/soft.txt'] == FILES['photos/deep/b.txt']
    assert found['photos/deep/up.txt'] == found['hard.txt'] == b'alpha'
    assert not os.path.islink(tmp_path / 'out/photos/soft.txt')


@pytest.mark.parametrize('name', ['../evil', '/tmp/evil', 'photos/../../evil'])
def test_paths_out_of_the_directory_are_refused(tmp_path, name):
    for make in (make_tar, make_zip):
        archive = make(tmp_path / 'archive', {**FILES, name: b'evil'})
        refused = f'{archive}: {name!r} would leave the directory; refused'
        with pytest.raises(UserError, match=f'^{re.escape(refused)}$'):
            archives.unpack(archive, tmp_path / 'out')
        assert tree(tmp_path / 'out') == {}
    assert sorted(os.listdir(tmp_path)) == ['archive', 'out']


@pytest.mark.parametrize(
    ('member', 'words'),
    [
        (tar_member('link', tarfile.SYMTYPE, '/etc/passwd'), 'would leave the directory'),
        (tar_member('link', tarfile.SYMTYPE, '../../etc/passwd'), 'would leave the directory'),
        (tar_member('link', tarfile.LNKTYPE, '/etc/passwd'), 'would leave the directory'),
        (tar_member('link', tarfile.SYMTYPE, 'photos'), 'no file of the archive'),
        (tar_member('null', tarfile.CHRTYPE), 'device or pipe'),
        (tar_member('disk', tarfile.BLKTYPE), 'device or pipe'),
        (tar_member('pipe', tarfile.FIFOTYPE), 'device or pipe'),
    ],
)
@pytest.mark.parametrize('has_filter', [True, False])
def test_links_outside_and_devices_are_refused(tmp_path, monkeypatch, member, words, has_filter):
    if not has_filter:  # As in Python 3.11.3.
        monkeypatch.delattr(tarfile, 'data_filter', raising=False)
    archive = make_tar(tmp_path / 'x.tar', mode='w', extra=[member])
    with pytest.raises(UserError, match=rf"^.*/x\.tar: '{member.name}' .*{words}"):
        archives.unpack(archive, tmp_path / 'out')
    assert os.listdir(tmp_path / 'out') == []


@pytest.mark.skipif(not hasattr(tarfile, 'data_filter'), reason='this Python has no filter')
def test_what_the_filter_of_tarfile_refuses_is_refused(tmp_path, monkeypatch):
    def refuse(member, folder):
        raise tarfile.OutsideDestinationError(member, folder)

    monkeypatch.setattr(tarfile, 'data_filter', refuse)
    with pytest.raises(UserError, match=r"'photos/a.txt' would leave the directory"):
        archives.unpack(make_tar(tmp_path / 'x.tgz'), tmp_path / 'out')


@pytest.mark.parametrize(
    'member',
    [tar_member(DEEP, tarfile.DIRTYPE), tar_member('link', tarfile.SYMTYPE, DEEP)],
)
def test_deep_paths_are_refused_without_the_slow_filter(tmp_path, monkeypatch, member):
    calls = []
    monkeypatch.setattr(tarfile, 'data_filter', lambda *call: calls.append(call), raising=False)
    archive = make_tar(tmp_path / 'x.tar', {}, mode='w', extra=[member])
    with pytest.raises(UserError, match='folders deep; at most 100'):
        archives.unpack(archive, tmp_path / 'out')
    assert not calls


def test_a_file_is_never_written_through_a_link(tmp_path):
    victim = tmp_path / 'victim'
    victim.mkdir()
    archive = tmp_path / 'x.tar'
    with tarfile.open(archive, 'w') as container:
        container.addfile(tar_member('photos', tarfile.SYMTYPE, str(victim)))
        member = tarfile.TarInfo('photos/evil')
        member.size = 4
        container.addfile(member, io.BytesIO(b'evil'))
    with pytest.raises(UserError):
        archives.unpack(archive, tmp_path / 'out')
    assert os.listdir(victim) == []


def test_links_in_zip_are_refused_outside(tmp_path):
    archive = tmp_path / 'x.zip'
    with zipfile.ZipFile(archive, 'w') as container:
        member = zipfile.ZipInfo('link')
        member.create_system = 3
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        container.writestr(member, '/etc/passwd')
    with pytest.raises(UserError, match='would leave the directory'):
        archives.unpack(archive, tmp_path / 'out')


def test_bombs_are_stopped_by_what_they_unfold_to(tmp_path):
    files = {'zeros': bytes(3_000_000)}
    gzipped = tmp_path / 'zeros.gz'
    gzipped.write_bytes(gzip.compress(files['zeros']))
    for archive in (make_tar(tmp_path / 'tar', files), make_zip(tmp_path / 'zip', files), gzipped):
        with pytest.raises(UserError, match='more than 1,000,000 bytes; refused as a bomb'):
            archives.unpack(archive, tmp_path / 'out', max_bytes=1_000_000)
        assert os.listdir(tmp_path / 'out') == []
        archives.unpack(archive, tmp_path / 'big')


@pytest.mark.parametrize('make', [make_tar, make_zip])
def test_a_cut_archive_says_what_to_do(tmp_path, make):
    whole = make(tmp_path / 'whole', {'a': os.urandom(5000), 'b': os.urandom(5000)}).read_bytes()
    archive = tmp_path / 'x.tar.gz'
    for length in (10, 3000, 7000, len(whole) - 1):
        archive.write_bytes(whole[:length])
        with pytest.raises(UserError, match=r'damaged or incomplete .* delete it and download'):
            archives.unpack(archive, tmp_path / 'out')
        assert os.listdir(tmp_path / 'out') == []


def test_a_flipped_byte_is_noticed(tmp_path):
    content = {'a': os.urandom(5000), 'b': os.urandom(5000)}
    for make in (make_tar, make_zip):
        archive = make(tmp_path / 'x.tgz', content)
        data = bytearray(archive.read_bytes())
        data[6000] ^= 255
        archive.write_bytes(data)
        with pytest.raises(UserError, match='damaged'):
            archives.unpack(archive, tmp_path / 'out')


def test_a_broken_header_inside_a_plain_tar_is_noticed(tmp_path):
    archive = make_tar(tmp_path / 'x.tar', mode='w')
    data = bytearray(archive.read_bytes())
    data[1024 + 10] ^= 255
    archive.write_bytes(data)
    with pytest.raises(UserError, match='broken header at byte 1,024'):
        archives.unpack(archive, tmp_path / 'out')


def test_what_is_no_archive_is_refused(tmp_path):
    page = tmp_path / 'flower_photos.tgz'
    page.write_text('<html>Sign in to the network</html>' * 100)
    with pytest.raises(UserError, match='not a tar, zip or compressed file'):
        archives.unpack(page, tmp_path)


def test_a_directory_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'file').write_text('x')
    with pytest.raises(UserError, match=r'x.tgz: cannot be unpacked \(.*(directory|exists)'):
        archives.unpack(make_tar(tmp_path / 'x.tgz'), tmp_path / 'file')


def test_what_a_killed_process_left_is_removed(tmp_path):
    left = tmp_path / 'out/.x.tgz.unpacking'
    left.mkdir(parents=True)
    (left / 'half.txt').write_text('half')
    archives.unpack(make_tar(tmp_path / 'x.tgz'), tmp_path / 'out')
    assert tree(tmp_path / 'out') == FILES
    assert not left.exists()


def test_one_archive_is_unpacked_by_one_process(tmp_path):
    archive = make_tar(tmp_path / 'x.tgz')
    with archives.staging(archive, tmp_path / 'out') as folder:
        with pytest.raises(UserError, match='another process is unpacking it'):
            archives.unpack(archive, tmp_path / 'out')
        assert os.path.isdir(folder)
    assert not os.path.exists(folder)
