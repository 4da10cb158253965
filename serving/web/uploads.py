"""Read uploaded pictures from requests, and check them before they reach the model."""

import base64
import binascii
import contextlib
import dataclasses
import re
import time

from common import text
from pictures import gate, kinds
from pictures.decode import LibraryDecoder
from serving import memory
from serving.fairness import Shares
from serving.web.refusals import Refusal

ALLOWED = (
    kinds.JPEG,
    kinds.PNG,
    kinds.WEBP,
    kinds.GIF,
    kinds.BMP,
)
_LONGEST_NAME = 120
_SMALL_PART = 16  # A small picture takes at most 1/16 of the memory: about 3 megapixels by default.
MOST_CLASSES = 1_000_000
_PLAIN_ALPHABET = bytes.maketrans(b'-_', b'+/')
_WHITE_SPACE = b' \t\r\n'


@dataclasses.dataclass(frozen=True)
class Upload:
    """The bytes of a file, its name, and the Refusal if it could not be read."""

    data: bytes
    name: str = ''
    refusal: Refusal | None = None


@dataclasses.dataclass(frozen=True)
class Picture:
    """An upload that is a good picture, as the model takes it."""

    kind: str
    image: gate.NormalisedImage


def clean_name(name):
    """Return the last part of a file's name, without control characters."""
    return text.excerpt(re.split(r'[/\\]', str(name or ''))[-1], _LONGEST_NAME)


class Gate:
    """Accepts pictures of an allowed kind and size, and limits how many are decoded at once.

    A `deadline` is a time of time.monotonic(); each `client` waits in its own queue.
    """

    def __init__(self, config):
        self._config = config
        self._decoders = Shares(config.max_decoders, keeps_reserve=False)
        self._memory = Shares(config.decode_bytes, small=config.decode_bytes // _SMALL_PART)
        self._trimmer = memory.Trimmer()

    def check_count(self, count):
        """Refuse a request without pictures or with too many."""
        if not count:
            raise Refusal(400, 'none', 'no picture was sent')
        limit = self._config.max_files
        if count > limit:
            raise Refusal(413, 'many', f'at most {limit} pictures per request', limit=limit)

    def examine(self, data):
        """Return the gate.Examined of a picture that may be decoded; raise a Refusal for others."""
        self._check_bytes(data)
        kind = kinds.kind_of(data)
        if kind not in ALLOWED:
            reason = f'{kind} is not supported' if kind else kinds.why_not_a_picture(data)
            allowed = ', '.join(ALLOWED)
            raise Refusal(415, 'kind', f'{reason}; {allowed} are supported', kinds=allowed)
        try:
            examined = gate.examine(data, self._config.max_pixels)
        except gate.BadImage as error:
            raise bad_picture(error) from None
        if examined.memory_bytes > self._memory.largest:
            size = f'{examined.header.width}x{examined.header.height}'
            raise Refusal(413, 'pixels', f'too large ({size}) for --max_decode_mb')
        return examined

    def admit(self, data, deadline, client='', verify=True, examined=None):
        """Return the Picture in `data`; the caller holds the memory for it.

        `verify` reads every picture to its end, which is not needed if the model itself refuses
        damaged ones. `examined` is the result of `examine`.
        """
        examined = examined or self.examine(data)
        with self.decoder(deadline, client):
            try:
                image = gate.normalise(data, LibraryDecoder(), examined=examined, verify=verify)
            except gate.BadImage as error:
                raise bad_picture(error) from None
        return Picture(examined.kind, image)

    @contextlib.contextmanager
    def memory(self, size, deadline, client=''):
        """Reserve memory for pictures during the block; raise a Refusal after the deadline."""
        try:
            with self._memory.part(client, size, deadline - time.monotonic()) as is_held:
                if not is_held:
                    raise late()
                yield
        finally:
            self._trimmer.freed(size, self._memory.free == self._memory.total)

    @contextlib.contextmanager
    def decoder(self, deadline, client=''):
        """Reserve a place to decode during the block; raise a Refusal after the deadline."""
        left = deadline - time.monotonic()
        with self._decoders.part(client, timeout_secs=left) as is_held:
            if left <= 0 or not is_held:
                raise late()
            yield

    def _check_bytes(self, data):
        if not data:
            raise Refusal(400, 'empty', 'the file is empty')
        limit = self._config.max_picture_mb
        if len(data) > self._config.max_picture_bytes:
            message = f'the file is too large; at most {limit:g} MB are allowed'
            raise Refusal(413, 'bytes', message, limit=f'{limit:g}')


def bad_picture(error):
    """Return the Refusal of a picture that cannot be decoded."""
    if isinstance(error, kinds.ImageTooLarge):
        return Refusal(413, 'pixels', str(error))
    return Refusal(400, 'damaged', str(error))


def late():
    """Return the Refusal of a request that missed its deadline."""
    return Refusal(503, 'late', 'the server is too busy to answer in time', retry_after_secs=5)


def count(asked, default):
    """Return the number of classes that a request asks for; refuse what is not a number."""
    if asked is None or asked == '':
        return default
    text = str(int(asked)) if isinstance(asked, float) and asked.is_integer() else str(asked)
    number = int(text) if re.fullmatch('[0-9]{1,7}', text) else 0
    if not 1 <= number <= MOST_CLASSES:
        raise Refusal(400, 'top', f'top: must be a whole number from 1 to {MOST_CLASSES}')
    return number


def from_json(content):
    """List the Uploads of `{"image": BASE64}` or `{"images": [BASE64 or {"b64", "name"}]}`."""
    found = content.get('images', content.get('image'))
    items = found if isinstance(found, list) else [] if found is None else [found]
    return [_from_item(item, number) for number, item in enumerate(items, 1)]


def _from_item(item, number):
    name = ''
    if isinstance(item, dict):
        name = item.get('name', '')
        item = item.get('b64')
    if not isinstance(item, str) or not isinstance(name, str):
        raise Refusal(400, 'json', f'picture {number} is neither base64 nor {{"b64": base64}}')
    if item.startswith('data:'):
        item = item.partition(',')[2]
    try:
        return Upload(decode_base64(item, f'picture {number}'), clean_name(name))
    except Refusal as refusal:  # The other pictures of the request are still classified.
        return Upload(b'', clean_name(name), refusal)


def decode_base64(encoded, what):
    """Decode base64 in the standard or in the URL-safe alphabet."""
    try:
        compact = encoded.encode('ascii').translate(_PLAIN_ALPHABET, delete=_WHITE_SPACE)
        compact = compact.rstrip(b'=')
        return base64.b64decode(compact + b'=' * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(400, 'base64', f'{what} is not valid base64') from None


def from_predict(content):
    """List the Uploads of TensorFlow Serving's `instances` (a row each) or `inputs` (columns)."""
    signature = content.get('signature_name', 'serving_default')
    if signature not in ('', 'serving_default'):
        raise Refusal(400, 'json', 'signature_name: must be serving_default')
    if ('instances' in content) == ('inputs' in content):
        raise Refusal(400, 'json', 'the body needs either "instances" or "inputs"')
    items = content.get('instances', content.get('inputs'))
    if 'inputs' in content and isinstance(items, dict) and 'b64' not in items:
        items = items.get('image_bytes')
    items = items if isinstance(items, list) else [items]
    return [Upload(_instance(item, number)) for number, item in enumerate(items, 1)]


def _instance(item, number):
    if isinstance(item, dict) and 'b64' not in item:
        item = item.get('image_bytes')
    encoded = item.get('b64') if isinstance(item, dict) else None
    if not isinstance(encoded, str):
        raise Refusal(400, 'json', f'instance {number} is not {{"b64": base64 of a picture}}')
    return decode_base64(encoded, f'instance {number}')
