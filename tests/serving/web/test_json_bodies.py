"""JSON bodies are read in about the memory of their text, whatever letters they have."""

import json
import tracemalloc

import pytest

from serving.web import json_bodies
from serving.web.refusals import Refusal

LONG = b'A' * 4_000_000


def peak_of(body):
    """Return (content or Refusal, the most memory that parsing took, as a multiple of the body)."""
    tracemalloc.start()
    try:
        found = json_bodies.parse(body)
    except Refusal as refusal:
        found = refusal
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found, peak / len(body)


@pytest.mark.parametrize(
    ('body', 'status'),
    [
        (b'{"image": "%s\\ud83d\\ude00"}' % LONG, 413),
        (b'{"image": "\\"\\\\%s\\ud83d\\ude00' % LONG, 413),
        (b'{"%s\\u20ac": ""}' % LONG, 413),
        (b'{"image": "%s%s"}' % (LONG, '😀'.encode()), 413),
        (b'{"image": "%s"}' % ('😀'.encode() * 1_000_000), 413),
        (b'{"image": "%s"}' % (b'\\ud83d\\ude00' * 300_000), 413),
        (b'{"images": [%s""]}' % (b'"%s\\ud83d\\ude00",' % (b'A' * 10_000) * 400), 413),
        (b'{"image": "%s\\u20ac"}' % (b'\\\\' * 1_000_000), 413),
        (b'{"image": "\\u20ac%s"}' % (b'\\\\' * 1_000_000), 413),
        (b'{"image": "\\u20ac%s"}' % (b'\\"' * 200_000), 413),
        (b'{"image": "%s"} \xff' % LONG, 400),
    ],
    ids=[
        'an escape',
        'a string without an end',
        'a key',
        'a letter',
        'letters',
        'escapes',
        'many strings',
        'backslashes',
        'backslashes before a quote',
        'quotes',
        'not UTF-8',
    ],
)
def test_letters_beyond_ascii_do_not_widen_a_large_body(body, status):
    found, times = peak_of(body)
    assert isinstance(found, Refusal)
    assert found.status == status
    assert times < 2.5


@pytest.mark.parametrize('is_ascii', [True, False])
def test_names_in_any_language_stand_beside_large_pictures(is_ascii):
    content = {'images': [{'b64': LONG.decode(), 'name': name} for name in ('꽃😀 ü".jpg', 'a\\é')]}
    body = json.dumps(content, ensure_ascii=is_ascii).encode()
    found, times = peak_of(b'\xef\xbb\xbf' + body)
    assert found == content
    assert times < 4.5


def test_base64_may_have_escapes_of_ascii():
    body = b'{"image": "%s", "name": "\xea\xbd\x83"}' % (b'\\/\\u002b\\n' * 100_000)
    found, _ = peak_of(body)
    assert found == {'image': '/+\n' * 100_000, 'name': '꽃'}


@pytest.mark.parametrize('shift', range(3))
def test_no_letter_is_cut_into_pieces(shift):
    content = {'x' * shift: '꽃' * 50_000}
    assert json_bodies.parse(json.dumps(content, ensure_ascii=False).encode()) == content
