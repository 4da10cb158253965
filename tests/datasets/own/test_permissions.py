"""Pictures that the user has no right to read: an error or a skip with the true reason."""

import pytest

from common.errors import UserError
from datasets.conversion.convert import ConvertOptions, convert
from datasets.known import bounding_boxes
from datasets.own import image_folder
from serving.terminal import picture_arguments
from support.files.picture_folders import class_folders
from support.shell import unprivileged


@pytest.fixture
def folder(tmp_path):
    class_folders(tmp_path / 'pics', {'ant': 3, 'bee': 3, 'wasp': 3})
    yield tmp_path
    for path in [tmp_path, *tmp_path.rglob('*')]:
        path.chmod(0o755)


def scan(folder):
    return unprivileged.call(image_folder.from_folder, str(folder), 'pics')


@pytest.mark.parametrize('mode', [0o000, 0o444, 0o111], ids=['none', 'no search', 'no listing'])
@pytest.mark.parametrize('name', ['pics', 'pics/bee', 'pics/bee/more'])
def test_a_folder_that_cannot_be_read_is_an_error_that_names_it(folder, name, mode):
    (folder / name).mkdir(exist_ok=True)
    (folder / name).chmod(mode)
    with pytest.raises(UserError, match=rf'{folder / name}: cannot be read \(Permission denied\)'):
        scan(folder)
    (folder / name).chmod(0o755)
    assert scan(folder).class_names == ['ant', 'bee', 'wasp']


def test_a_folder_to_classify_that_cannot_be_read_says_why(folder):
    (folder / 'pics').chmod(0)
    problem = unprivileged.call(picture_arguments.find_problem, str(folder / 'pics'))
    assert problem == 'folder cannot be read (Permission denied)'


def test_a_split_folder_that_cannot_be_read_is_an_error(folder):
    for split in ('train', 'val'):
        class_folders(folder / 'sets/pics' / split, {'ant': 1, 'bee': 1})
    (folder / 'sets/pics/val').chmod(0)
    with pytest.raises(UserError, match=r'val: cannot be read \(Permission denied\)'):
        scan(folder / 'sets')


def test_a_class_whose_files_cannot_be_read_is_an_error(folder):
    for path in (folder / 'pics/bee').iterdir():
        path.chmod(0)
    with pytest.raises(UserError, match=r'bee/000\.jpg: cannot be read \(Permission denied\)'):
        scan(folder)


def test_a_single_file_is_skipped_with_its_reason(folder):
    (folder / 'pics/bee/001.jpg').chmod(0)
    options = ConvertOptions(num_processes=1, max_skipped_fraction=0.5)

    def run():
        spec = image_folder.from_folder(str(folder), 'pics')
        return convert(spec, str(folder), options, lambda line: None)

    made = unprivileged.call(run)
    assert made.examples == 8
    assert [list(row) for row in made.skipped] == [
        ['pics/bee/001.jpg', 'cannot be read (Permission denied)']
    ]


def test_boxes_that_cannot_be_read_are_an_error(folder):
    (folder / 'Annotations').mkdir(mode=0)
    with pytest.raises(UserError, match=r'Annotations: cannot be read \(Permission denied\)'):
        unprivileged.call(bounding_boxes.find_boxes, [str(folder)])


def test_what_a_disk_keeps_for_itself_is_no_class(folder):
    (folder / 'pics/lost+found').mkdir(mode=0)
    assert scan(folder).class_names == ['ant', 'bee', 'wasp']
