"""The page as a browser without JavaScript gets it."""

import io

from serving.web.app import create_app
from serving.web.server_options import AppConfig
from support.files import pictures
from support.network.fake_models import FakeHolder

JPEG = pictures.jpegs()['baseline.jpg'].data


def client(holder=None, **config):
    """Return a client of an application."""
    return create_app(holder or FakeHolder(), AppConfig(**config)).test_client()


def post(browser, *files, path='/', **fields):
    """Send the form with files, pairs of bytes and a name."""
    sent = {'pictures': [(io.BytesIO(data), name) for data, name in files], **fields}
    return browser.post(path, data=sent)
