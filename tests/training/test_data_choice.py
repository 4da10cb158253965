"""Which split is evaluated when none is named."""

import types

import pytest

from common.errors import UserError
from training import data_choice


def test_a_set_without_held_out_pictures_says_how_to_get_some(tmp_path):
    (tmp_path / 'pets_train-00000-of-00001').write_bytes(b'a record')
    options = types.SimpleNamespace(dataset_dir=str(tmp_path), dataset_name='pets')
    with pytest.raises(UserError) as caught:
        data_choice.choose_split(options, None)
    assert str(caught.value).startswith(
        f'{tmp_path}: pets has no validation or test split, only train; convert it with '
        '--validation_percentage above 0, or name a split with --dataset_split_name'
    )
