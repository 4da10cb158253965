"""What the tests of conversion share."""

import dataclasses

import pytest


@pytest.fixture
def pictures(tmp_path):
    """Write a folder of pictures, and return a function that converts it."""
    from datasets.conversion import convert
    from datasets.own import image_folder
    from support.files.picture_folders import class_folders

    alone = convert.ConvertOptions(num_processes=1)
    class_folders(tmp_path / 'pics', {'ant': 12, 'bee': 9, 'cat': 6})

    def run(report=lambda line: None, **options):
        spec = image_folder.from_folder(tmp_path, 'pics')
        return convert.convert(spec, tmp_path, dataclasses.replace(alone, **options), report)

    return run
