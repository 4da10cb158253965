"""Small pictures inside a page."""

import base64
import io

from PIL import Image

from common.errors import UserError
from heads.audit import measures
from pictures.kinds import BadImage

SIDE = 168
_QUALITY = 60


def data_uri(collection, number):
    """Return a record's picture as the address of an <img>, or '' if it cannot be read."""
    try:
        encoded, _, _ = collection.example(number)
        _, pixels = measures.reduced(encoded, SIDE)
    except (BadImage, UserError):
        return ''
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, 'WEBP', quality=_QUALITY)
    return f'data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}'
