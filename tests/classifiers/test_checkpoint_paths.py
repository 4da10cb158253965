"""Checkpoints by path, without TensorFlow."""

import pytest

from classifiers import checkpoint_paths
from common.errors import UserError


@pytest.mark.parametrize(
    ('path', 'message'),
    [
        ('', 'the path of the checkpoint is empty; name a checkpoint or a directory'),
        ('/no/such', '/no/such: no such checkpoint or directory'),
    ],
)
def test_a_path_without_a_checkpoint_is_an_error(path, message):
    with pytest.raises(UserError) as caught:
        checkpoint_paths.require(path)
    assert str(caught.value) == message
