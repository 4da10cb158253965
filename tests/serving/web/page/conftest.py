"""What the tests of the page share."""

import pytest

from support.network import browser


@pytest.fixture(scope='package')
def window(tmp_path_factory):
    """Return a browser."""
    window = browser.Browser(tmp_path_factory.mktemp('profile'))
    yield window
    window.close()
