"""Decoding without TensorFlow: its pixels, and as strict."""

import base64
import zlib

import numpy as np
import pytest
import simplejpeg
import tensorflow as tf

from pictures import decode, gate
from pictures.kinds import BadImage
from preprocessing.picture_decoder import TensorFlowDecoder
from support.files import pictures, records

GOOD = pictures.all_good()
SIZES = ((1, 1), (1, 9), (8, 8), (17, 5), (33, 47), (40, 56))
MORE_SIZES = ((1, 300), (300, 1), (16, 16), (127, 129), (301, 203), (700, 1100))
PROGRESSIVE = {'progressive': True}
# By `cjpeg -arithmetic`, 40x24: Pillow cannot write such a file.
ARITHMETIC = base64.b64decode(
    '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZG'
    'NywtQFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09P'
    'T09PT09PT09PT09PT09PT09PT09PT09PT0//yQARCAAYACgDASIAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIR'
    'AxEAPwD/AJeNl6USUbOtgwp7yRMYdM4Lc2L5t9kaOK5sqF9RLijwc9sfokXjqH1PwF/GthRZyCbN1gDLBwyrZlWF'
    'GIt6XHNgV+x0ZKoSyIoZvQRiXsD/2Q=='
)


def noisy(height, width, channels=3):
    smooth = records.picture(height + width, height, width, channels).astype(int)
    noise = np.random.default_rng(width).integers(-25, 26, smooth.shape)
    return np.clip(smooth + noise, 0, 255).astype(np.uint8)


def jpegs(sizes, qualities):
    """Yield (name, JPEG) of each sampling, method and channel count that encoders offer."""
    for height, width in sizes:
        colour, grey = noisy(height, width), noisy(height, width, 1)
        for quality in qualities:
            name = f'{height}x{width} {quality}'
            for kind, extra in (
                ('baseline', {}), ('progressive', PROGRESSIVE), ('optimised', {'optimize': True}),
                ('restarts', {'restart_marker_blocks': 2}),
                ('progressive restarts', {'restart_marker_blocks': 3, **PROGRESSIVE}),
            ):  # fmt: skip
                options = {'quality': quality, **extra}
                yield f'{name} grey {kind}', records.encoded(grey, 'jpeg', **options)
                for sampling in (0, 1, 2):
                    found = records.encoded(colour, 'jpeg', subsampling=sampling, **options)
                    yield f'{name} {sampling} {kind}', found
            for sampling in ('440', '411'):
                yield (
                    f'{name} {sampling}',
                    simplejpeg.encode_jpeg(colour, quality, colorsubsampling=sampling),
                )


def by_tensorflow(data, channels):
    """Return TensorFlow's pixels, or None if it refuses the file."""
    try:
        return tf.io.decode_image(data, channels=channels, expand_animations=False).numpy()
    except tf.errors.OpError:
        return None


def without_tensorflow(data, channels):
    try:
        return decode.pixels(data, channels)
    except BadImage:
        return None


def assert_same(data, name):
    for channels in (1, 3):
        found = decode.pixels(data, channels)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, by_tensorflow(data, channels), err_msg=name)


@pytest.mark.parametrize('name', GOOD)
def test_normalised_pictures_have_the_pixels_of_the_graph(name):
    assert_same(pictures.normalise(GOOD[name].data).data, name)


def test_every_sort_of_jpeg_has_the_pixels_of_the_graph():
    for name, data in jpegs(SIZES, (75,)):
        assert_same(data, name)


def test_an_arithmetic_coded_jpeg_has_the_pixels_of_the_graph():
    assert decode.pixels(ARITHMETIC, 3).shape == (24, 40, 3)
    assert_same(ARITHMETIC, 'arithmetic')
    assert pictures.normalise(ARITHMETIC).data == ARITHMETIC


@pytest.mark.soak
def test_hundreds_of_files_have_the_pixels_of_the_graph():
    files = dict(jpegs(SIZES + MORE_SIZES, (10, 60, 90)))
    for height, width in SIZES + MORE_SIZES:
        for channels in (1, 3):
            pixels = noisy(height, width, channels)
            for level in (0, 6):
                name = f'{height}x{width} {channels} {level}.png'
                files[name] = records.encoded(pixels, 'png', compress_level=level)
    assert len(files) >= 300
    for name, data in files.items():
        assert_same(data, name)


def test_a_reduced_jpeg_has_tensorflows_pixels():
    for name, data in jpegs([(40, 56), (33, 47)], (75,)):
        for ratio in (2, 4, 8):
            np.testing.assert_array_equal(
                decode.LibraryDecoder().decode_jpeg(data, ratio),
                TensorFlowDecoder().decode_jpeg(data, ratio),
                err_msg=f'{name} {ratio}',
            )


def damaged_jpegs(data, count, random):
    start = data.index(b'\xff\xda')

    def replaced(first, size):
        changed = bytearray(data)
        for position in random.integers(first, len(data), size):
            changed[position] = random.integers(256)
        return bytes(changed)

    for _ in range(count):
        position = random.integers(start, len(data) - 2)
        noise = random.bytes(5)
        yield data[: random.integers(2, len(data))]
        yield data[:-2]
        yield replaced(2, 1)
        yield replaced(start, 3)
        yield data[:position] + data[position + random.integers(1, 30) :]
        yield data[:position] + noise + data[position:]
        yield data[:position] + b'\xff\xd9'
        yield data[:position] + bytes(20) + data[position + 20 :]
        yield data[:20] + noise + data[20:]
        yield data + noise


def assert_as_strict_for_jpeg(files, count):
    random = np.random.default_rng(1)
    refused = 0
    for name, data in files:
        for number, damaged in enumerate(damaged_jpegs(data, count, random)):
            expected, found = by_tensorflow(damaged, 3), without_tensorflow(damaged, 3)
            if found is not None:
                np.testing.assert_array_equal(found, expected, err_msg=f'{name} {number}')
            # TensorFlow needs no end marker; versions of libjpeg smooth missing scans differently.
            may_differ = number % 10 < 2 or 'progressive' in name
            refused += found is None and expected is not None and not may_differ
    assert refused <= 0.01 * len(files) * count * 10


def test_damaged_jpegs_are_refused_where_tensorflow_refuses_them():
    assert_as_strict_for_jpeg(list(jpegs([(33, 47)], (75,))), 1)


@pytest.mark.soak
def test_thousands_of_damaged_jpegs_are_refused_where_tensorflow_refuses_them():
    assert_as_strict_for_jpeg(list(jpegs([(17, 5), (33, 47), (40, 56)], (60, 95))), 10)


@pytest.mark.parametrize('kind', ['jpeg', 'png'])
def test_a_picture_truncated_anywhere_is_refused(kind):
    data = records.encoded(noisy(9, 13), kind)
    for length in range(len(data)):
        with pytest.raises(BadImage):
            decode.pixels(data[:length], 3)


def test_a_progressive_jpeg_without_its_last_scans_is_refused():
    data = records.encoded(noisy(33, 47), 'jpeg', progressive=True)
    assert decode.pixels(data, 3).shape == (33, 47, 3)
    with pytest.raises(BadImage, match='last scans'):
        decode.pixels(data[: data.rindex(b'\xff\xda')] + b'\xff\xd9', 3)


def test_a_jpeg_of_another_kind_is_refused():
    data = records.encoded(noisy(33, 47), 'jpeg')
    frame = data.index(b'\xff\xc0')
    for changed in (
        data[: frame + 4] + b'\x0c' + data[frame + 5 :],  # 12 bits.
        data[: frame + 1] + b'\xc3' + data[frame + 2 :],  # Lossless.
    ):
        assert by_tensorflow(changed, 3) is None
        assert without_tensorflow(changed, 3) is None


def chunks_of(data):
    position, found = 8, []
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], 'big')
        found.append(
            (data[position + 4 : position + 8], data[position + 8 : position + 8 + length])
        )
        position += 12 + length
    return found


def joined(chunks):
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        len(body).to_bytes(4, 'big') + name + body + zlib.crc32(name + body).to_bytes(4, 'big')
        for name, body in chunks
    )


def damaged_pngs(data, step):
    for position in range(8, len(data), step):
        for bit in (1, 0x20, 0x80):
            changed = bytearray(data)
            changed[position] ^= bit
            yield bytes(changed)
    chunks = chunks_of(data)
    for number, (name, body) in enumerate(chunks):
        yield joined(chunks[:number] + chunks[number + 1 :])
        yield joined([*chunks[:number], (name, body), *chunks[number:]])
        for position in range(0, len(body), step):  # With the right checksum.
            changed = body[:position] + bytes([body[position] ^ 1]) + body[position + 1 :]
            yield joined([*chunks[:number], (name, changed), *chunks[number + 1 :]])
    pixels = zlib.decompress(b''.join(body for name, body in chunks if name == b'IDAT'))
    for changed in (pixels[:-1], pixels + b'more', b'\7' + pixels[1:], b''):
        yield joined([chunks[0], (b'IDAT', zlib.compress(changed)), chunks[-1]])
    stream = zlib.compress(pixels)
    for changed in (stream[:-1], stream[:-4], stream[:9], stream + b'more', b'ab' + stream[2:]):
        yield joined([chunks[0], (b'IDAT', changed), chunks[-1]])


def assert_as_strict_for_png(files, step):
    for name, data, channels in files:
        for number, damaged in enumerate(damaged_pngs(data, step)):
            found = without_tensorflow(damaged, channels)
            if found is not None:
                expected = by_tensorflow(damaged, channels)
                np.testing.assert_array_equal(found, expected, err_msg=f'{name} {number}')


def test_damaged_pngs_are_refused_where_tensorflow_refuses_them():
    files = [('colour', records.encoded(noisy(5, 7), 'png'), 3)]
    files.append(('grey', records.encoded(noisy(5, 7, 1), 'png'), 1))
    assert_as_strict_for_png(files, step=5)


@pytest.mark.soak
def test_thousands_of_damaged_pngs_are_refused_where_tensorflow_refuses_them():
    files = [
        (name, good.data, 3)
        for name, good in GOOD.items()
        if name.endswith('png') and not set(chunks_of(good.data)) & {b'tRNS', b'eXIf'}
    ]
    assert_as_strict_for_png(files, step=7)


def test_other_files_are_refused():
    with pytest.raises(BadImage, match='neither a JPEG nor a PNG'):
        decode.pixels(GOOD['moving.gif'].data, 3)


@pytest.mark.parametrize('name', GOOD)
def test_the_gate_gives_the_same_result_with_it(name):
    found = gate.normalise(GOOD[name].data, decode.LibraryDecoder())
    assert found == pictures.normalise(GOOD[name].data)


@pytest.mark.parametrize('name', pictures.bad_files())
def test_the_gate_refuses_bad_files_with_it(name):
    data, reason = pictures.bad_files()[name]
    with pytest.raises(BadImage) as caught:
        gate.normalise(data, decode.LibraryDecoder())
    assert reason in str(caught.value)
