"""Reading a picture from whatever a path names."""

import os

import pytest

from pictures import picture_file
from pictures.kinds import BadImage


@pytest.mark.parametrize(
    ('make', 'reason'),
    [
        (os.mkfifo, 'not a regular file'),
        (lambda path: os.symlink('/nowhere/at/all', path), 'no such file'),
        (lambda path: os.symlink('/dev/zero', path), 'not a regular file'),
    ],
)
def test_what_is_no_file_is_not_waited_for(make, reason, tmp_path):
    path = os.fspath(tmp_path / 'a.jpg')
    make(path)
    with pytest.raises(BadImage, match=reason):
        picture_file.read(path)


def test_only_the_beginning_is_read_of_what_is_no_picture(tmp_path):
    path = tmp_path / 'film.mp4'
    with open(path, 'wb') as stream:
        stream.write(b'\0\0\0\x18ftypmp42')
        stream.truncate(2**40)
    with pytest.raises(BadImage, match='video'):
        picture_file.read(path)
