"""What the tests of prediction share."""

import pytest


@pytest.fixture(scope='module')
def directory(tmp_path_factory):
    """Return the train_dir of a small model."""
    from support.files import small_models

    return small_models.train_dir(tmp_path_factory.mktemp('models') / 'train')


@pytest.fixture(scope='module')
def graph(directory, tmp_path_factory):
    """Return that model as a frozen graph."""
    from support.files import small_models

    return small_models.frozen(tmp_path_factory.mktemp('frozen') / 'lenet.pb', directory)
