import hashlib
import os
import types

import pytest

from common import download, files
from common.download import Expected
from common.errors import UserError
from support.network import http_files

DATA = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(DATA).hexdigest()
MD5 = hashlib.md5(DATA).hexdigest()


@pytest.fixture
def site():
    with http_files.serve({'/data.bin': DATA}) as served:
        yield served


@pytest.fixture
def target(tmp_path):
    return str(tmp_path / 'new' / 'data.bin')


def fetch(urls, path, expected=None):
    return download.fetch(urls, path, expected, timeout=5, pause=0)


def left_over(target):
    return sorted(os.listdir(os.path.dirname(target)))


@pytest.mark.parametrize(
    'expected', [Expected(len(DATA), SHA256), Expected(md5=MD5), Expected(sha256=SHA256.upper())]
)
def test_fetches_and_verifies(site, target, expected, capsys):
    assert fetch(site.address + '/data.bin', target, expected) == target
    with open(target, 'rb') as stream:
        assert stream.read() == DATA
    assert left_over(target) == ['data.bin']
    assert 'SHA-256' not in capsys.readouterr().err


def test_prints_the_hash_and_the_rate_where_no_hash_is_known(site, target, capsys):
    fetch(site.address + '/data.bin', target)
    printed = capsys.readouterr().err
    assert f'SHA-256 {SHA256}' in printed
    assert 'Downloading data.bin: 1.0 MB' in printed
    assert 'B/s' in printed


def test_goes_on_where_the_connection_broke(site, target):
    site.mishaps['/data.bin'] = [('cut', 300_000), ('cut', 300_000)]
    fetch(site.address + '/data.bin', target, Expected(sha256=SHA256))
    ranges = [wanted for _, wanted in site.requests]
    assert ranges == [None, 'bytes=300000-', 'bytes=600000-']


def test_the_next_run_goes_on_and_the_message_says_so(site, target):
    site.mishaps['/data.bin'] = [('cut', 300_000), 500, 500, 500, 500]
    with pytest.raises(UserError, match='300,000 bytes are kept') as caught:
        fetch(site.address + '/data.bin', target)
    assert '500' in str(caught.value)
    assert not os.path.exists(target)
    fetch(site.address + '/data.bin', target)
    assert site.requests[-1] == ('/data.bin', 'bytes=300000-')
    assert files.digest(target) == SHA256
    assert left_over(target) == ['data.bin']


def test_never_splices_two_editions(site, target):
    site.mishaps['/data.bin'] = [('cut', 300_000), 404]
    with pytest.raises(UserError):
        fetch(site.address + '/data.bin', target)
    site.files['/data.bin'], site.etag = DATA[::-1], '"second"'
    fetch(site.address + '/data.bin', target)
    with open(target, 'rb') as stream:
        assert stream.read() == DATA[::-1]


def test_starts_again_when_the_kept_bytes_were_wrong(site, target):
    os.makedirs(os.path.dirname(target))
    with open(target + '.part', 'wb') as stream:
        stream.write(b'x' * 1000)
    fetch(site.address + '/data.bin', target, Expected(sha256=SHA256))
    assert [wanted for _, wanted in site.requests] == ['bytes=1000-', None]


@pytest.mark.parametrize('kept', [len(DATA) + 5, len(DATA)])
def test_a_part_that_is_too_long_or_whole_does_no_harm(site, target, kept):
    os.makedirs(os.path.dirname(target))
    with open(target + '.part', 'wb') as stream:
        stream.write((DATA + b'extra')[:kept])
    fetch(site.address + '/data.bin', target, Expected(len(DATA), SHA256))
    assert files.digest(target) == SHA256
    assert len(site.requests) == (0 if kept == len(DATA) else 2)


def test_a_server_without_ranges_starts_from_the_beginning(site, target):
    site.ranges = False
    site.mishaps['/data.bin'] = [('cut', 300_000)]
    fetch(site.address + '/data.bin', target, Expected(sha256=SHA256))
    assert files.digest(target) == SHA256


@pytest.mark.parametrize(
    ('expected', 'words'),
    [
        (Expected(size=5), '1,024,000 bytes; expected 5'),
        (Expected(sha256='0' * 64), f'sha256 {SHA256}, expected 000'),
        (Expected(md5='0' * 32), f'md5 {MD5}, expected 000'),
    ],
)
def test_a_wrong_file_is_refused(site, target, expected, words):
    with pytest.raises(UserError, match=words) as caught:
        fetch(site.address + '/data.bin', target, expected)
    assert target in str(caught.value)
    assert left_over(target) == []


def test_mirrors_are_tried_in_order(site, target):
    urls = [site.address + '/gone', site.address + '/data.bin']
    fetch(urls, target, Expected(sha256=SHA256))
    assert [path for path, _ in site.requests] == ['/gone', '/data.bin']


def test_all_mirrors_failing_lists_each_with_its_reason(site, target):
    site.mishaps['/forbidden'] = [403]
    urls = [site.address + '/gone', site.address + '/forbidden', 'file:///not/there']
    with pytest.raises(UserError) as caught:
        fetch(urls, target)
    message = str(caught.value)
    assert '/gone: 404' in message
    assert '/forbidden: 403' in message
    assert 'file:///not/there: No such file' in message
    assert f'put the file at {target}' in message
    assert '\n' not in message
    assert left_over(target) == []


def test_redirections_are_followed(site, target):
    site.mishaps['/moved'] = [('redirect', site.address + '/data.bin')]
    fetch(site.address + '/moved', target, Expected(sha256=SHA256))
    assert files.digest(target) == SHA256


def test_redirections_to_local_files_are_refused(site, target):
    site.mishaps['/moved'] = [('redirect', 'file:///etc/hostname')]
    with pytest.raises(UserError, match='302'):
        fetch(site.address + '/moved', target)


@pytest.mark.parametrize('form', ['{}', 'file://{}', 'file://localhost{}'])
def test_local_files_are_copied(tmp_path, target, form):
    source = tmp_path / 'données 1#.bin'
    source.write_bytes(DATA)
    path = str(source) if form == '{}' else str(source).replace(' ', '%20').replace('#', '%23')
    fetch(form.format(path), target, Expected(sha256=SHA256))
    assert files.digest(target) == SHA256


def test_a_file_that_is_there_is_checked_and_kept(site, target):
    os.makedirs(os.path.dirname(target))
    with open(target, 'wb') as stream:
        stream.write(DATA)
    fetch(site.address + '/data.bin', target, Expected(sha256=SHA256))
    assert site.requests == []
    with pytest.raises(UserError, match='delete it to download it again'):
        fetch(site.address + '/data.bin', target, Expected(sha256='0' * 64))


@pytest.mark.parametrize('url', ['ftp://example.org/x', 'data:,x', 'https:///x', 'file://host/x'])
def test_other_addresses_are_refused(target, url):
    with pytest.raises(UserError, match='not an address'):
        fetch(url, target)


def test_the_encrypted_address_is_tried_before_the_plain_one():
    addresses = download._addresses(['http://example.org/a', 'http://example.org:80/b'])
    assert addresses == [
        'https://example.org/a',
        'http://example.org/a',
        'http://example.org:80/b',
    ]


def test_two_downloads_of_one_file_do_not_mix(site, target):
    os.makedirs(os.path.dirname(target))
    with (
        download._partial_file(target),
        pytest.raises(UserError, match='another process is downloading'),
    ):
        fetch(site.address + '/data.bin', target)


def test_too_little_room_is_said_before_it_is_used(site, target, monkeypatch):
    monkeypatch.setattr(download.shutil, 'disk_usage', lambda _: types.SimpleNamespace(free=1000))
    with pytest.raises(UserError, match='needs 1,024,000 more bytes; the disk has 1,000 free'):
        fetch(site.address + '/data.bin', target)


def test_a_directory_that_cannot_be_written_is_named(site, tmp_path):
    (tmp_path / 'file').write_text('x')
    with pytest.raises(UserError, match=r'file/data.bin.part: cannot be written'):
        fetch(site.address + '/data.bin', str(tmp_path / 'file/data.bin'))


def test_a_place_is_asked_once_whether_it_has_a_file(site, tmp_path):
    assert download.unreachable(f'{site.address}/data.bin') == ''
    assert download.unreachable(f'{site.address}/b.bin').endswith(
        '/b.bin: HTTP Error 404: Not Found'
    )
    assert download.unreachable(str(tmp_path / 'c.bin')).endswith(
        'c.bin: No such file or directory'
    )
    (tmp_path / 'c.bin').touch()
    assert download.unreachable(str(tmp_path / 'c.bin')) == ''
    assert len(site.requests) == 2
    assert 'Connection refused' in download.unreachable('http://127.0.0.1:1/a.bin')
