"""The gate: what passes, what is decoded once, what is refused, and with which words."""

import dataclasses
import io
import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from pictures import gate
from pictures.headers import read_header
from preprocessing.picture_decoder import TensorFlowDecoder
from support.files import pictures

GOOD = pictures.all_good()
BAD = pictures.bad_files()
# One of each kind, small enough to cut everywhere.
CUT = (
    'baseline.jpg', 'progressive.jpg', 'cmyk.jpg', 'turned 6.jpg', 'colour.png', '16 bit.png',
    'moving.gif', 'colour.bmp', 'palette.bmp', 'lossless.webp', 'moving.webp', 'raw.tif',
    'tiff_lzw.tif', 'grey 16.tif',
)  # fmt: skip


def decoded(normalised, channels=3):
    """Decode as every graph does."""
    import tensorflow as tf

    return tf.io.decode_image(normalised.data, channels=channels, expand_animations=False).numpy()


def difference(found, expected):
    return np.abs(found.astype(int) - expected.astype(int)).max()


@pytest.mark.parametrize('name', GOOD)
def test_every_kind_decodes_to_the_right_upright_pixels(name):
    good = GOOD[name]
    found = pictures.normalise(good.data)
    assert (found.height, found.width) == good.pixels.shape[:2]
    assert (found.data is good.data) == good.passes
    assert difference(decoded(found), good.pixels) <= good.tolerance
    assert decoded(found, channels=0).shape[2] == found.channels == good.pixels.shape[2]
    assert found.format == ('jpeg' if good.passes and name.endswith('jpg') else 'png')


@pytest.mark.parametrize('name', BAD)
def test_what_is_no_picture_is_refused_with_a_reason(name):
    data, reason = BAD[name]
    with pytest.raises(gate.BadImage) as caught:
        pictures.normalise(data)
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 130
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('name', ['baseline.jpg', 'progressive.jpg'])
def test_what_follows_a_jpeg_is_not_taken_for_its_scans(name):
    film = GOOD[name].data + b'\xff\xda\0\2' * 500  # As phones append one to a picture.
    assert pictures.normalise(film).data is film


def test_a_jpeg_of_a_few_scans_passes():
    assert pictures.normalise(pictures.empty_scans(64, 99)).height == 64


def cut_points(size, count):
    """Return `count` lengths below `size`: the shortest, the longest, and some between."""
    ends = [0, 1, 5, 12, *range(size - 5, size)]
    return sorted({*ends, *np.linspace(2, size - 1, count - len(ends)).astype(int).tolist()})


def assert_refused_at(name, lengths):
    for length in lengths:
        with pytest.raises(gate.BadImage):
            pictures.normalise(GOOD[name].data[:length])


@pytest.mark.parametrize('name', CUT)
def test_a_truncated_picture_is_refused(name):
    assert_refused_at(name, cut_points(len(GOOD[name].data), 16))


@pytest.mark.soak
@pytest.mark.parametrize('name', GOOD)
def test_a_picture_truncated_at_40_points_is_refused(name):
    # The second picture of these may be missing, since the first one is whole.
    size = len(GOOD[name].data) // (3 if name in ('phone.jpg', 'pages.tif') else 1)
    assert_refused_at(name, cut_points(size, 40))


@pytest.mark.soak
@pytest.mark.parametrize('name', GOOD)
def test_scrambled_pictures_never_crash_and_stay_decodable(name):
    generator = np.random.default_rng(0)
    for _ in range(60):
        data = bytearray(GOOD[name].data)
        for position in generator.integers(0, len(data), 4):
            data[position] = generator.integers(256)
        try:
            found = pictures.normalise(bytes(data), max_pixels=10**6)
        except gate.BadImage:
            continue
        assert decoded(found).shape == (found.height, found.width, 3)


@pytest.mark.parametrize('name', GOOD)
def test_unverified_pictures_come_out_the_same(name):
    assert pictures.normalise(GOOD[name].data, verify=False) == pictures.normalise(GOOD[name].data)


def with_a_second_frame(between=b''):
    """Return a JPEG with a frame of another size before its own, and what else stands there."""
    data = GOOD['baseline.jpg'].data
    frame = data.index(b'\xff\xc0')
    other = data[frame : frame + 5] + b'\x70\0\x70\0' + data[frame + 9 : frame + 19]
    return data[:frame] + other + between + data[frame:]


@pytest.mark.parametrize(
    'data',
    [
        with_a_second_frame(),
        with_a_second_frame(b'\0'),
        with_a_second_frame(b'\xff\xff'),
        GOOD['baseline.jpg'].data[:200],
    ],
)
def test_a_size_that_is_open_to_doubt_is_verified_all_the_same(data):
    with pytest.raises(gate.BadImage):
        pictures.normalise(data, verify=False)


@pytest.mark.soak
@pytest.mark.parametrize('name', ['baseline.jpg', 'progressive.jpg', 'grey.jpg'])
def test_a_size_that_is_not_verified_is_the_one_that_tensorflow_finds(name):
    import tensorflow as tf

    generator = np.random.default_rng(0)
    marks = list(b'\xff\xff\xff\0\1\xc0\xc2\xc4\xda\xd8\xd9\xe0')
    for _ in range(2000):
        data = bytearray(GOOD[name].data)
        for position in generator.integers(2, 700, 3):
            data[position : position + generator.integers(2)] = bytes([generator.choice(marks)])
        try:
            found = pictures.normalise(bytes(data), verify=False)
            shape = tf.io.extract_jpeg_shape(bytes(data)).numpy().tolist()
        except (gate.BadImage, tf.errors.InvalidArgumentError):
            continue
        assert shape == [found.height, found.width, found.channels]


def test_nothing_warns_and_the_global_limits_stay():
    limit = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        for good in GOOD.values():
            pictures.normalise(good.data)
        large = Image.new('1', (12000, 8000))
        found = pictures.normalise(pictures.encoded(large, 'BMP'), max_side=60)
    assert (found.width, found.height) == (60, 40)
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize('name', ['baseline.jpg', 'turned 6.jpg', 'colour.png', 'grey 16.tif'])
def test_max_side_shrinks_the_longer_side(name):
    good = GOOD[name]
    found = pictures.normalise(good.data, max_side=22)
    assert (found.width, found.height, found.format) == (22, 15, 'png')
    image = pictures.as_image(good.pixels)
    smaller = np.asarray(image.resize((22, 15), Image.Resampling.LANCZOS)).reshape(15, 22, -1)
    assert difference(decoded(found), smaller) <= 14
    assert pictures.normalise(good.data, max_side=44).width == 44


def test_a_jpeg_is_shrunk_while_it_is_decoded():
    large = pictures.as_image(pictures.colours(800, 600))
    found = pictures.normalise(pictures.encoded(large, 'JPEG', quality=95), max_side=80)
    expected = np.asarray(large.resize((80, 60), Image.Resampling.LANCZOS))
    assert difference(decoded(found), expected) <= 8


def test_reencoding_as_jpeg_keeps_what_can_pass_and_says_so_by_its_format():
    found = pictures.normalise(GOOD['alpha.png'].data, reencode='jpeg')
    assert found.format == 'jpeg'
    assert difference(decoded(found), GOOD['alpha.png'].pixels) <= pictures.JPEG_TOLERANCE
    assert pictures.normalise(GOOD['colour.png'].data, reencode='jpeg').format == 'png'
    with pytest.raises(ValueError, match='reencode'):
        pictures.normalise(GOOD['colour.png'].data, reencode='webp')


def test_a_large_jpeg_may_have_fewer_scans_than_a_small_one():
    assert gate.examine(pictures.empty_scans(5000, 20)).header.width == 5000
    with pytest.raises(gate.BadImage, match='more than 21 scans'):
        gate.examine(pictures.empty_scans(5000, 22))
    with pytest.raises(gate.BadImage, match='more than 20 scans'):
        gate.examine(pictures.empty_scans(9000, 21))


def test_a_jpeg_of_another_size_than_its_header_says_is_not_decoded():
    header = read_header('JPEG', GOOD['baseline.jpg'].data)
    doubtful = dataclasses.replace(header, width=5, certain=False)
    with pytest.raises(gate.BadImage, match='its header says another size'):
        gate._decode_jpeg(doubtful, TensorFlowDecoder(), 1)


@pytest.mark.parametrize('kind', ['PNG', 'WEBP'])
def test_alpha_that_hides_nothing_changes_nothing(kind):
    opaque = np.full((pictures.HEIGHT, pictures.WIDTH), 255, np.uint8)
    options = {'lossless': True} if kind == 'WEBP' else {}
    image = pictures.as_image(np.dstack([pictures.colours(), opaque]))
    found = pictures.normalise(pictures.encoded(image, kind, **options))
    np.testing.assert_array_equal(decoded(found), pictures.colours())


def with_chunks(data):
    """Return a PNG with chunks of every sort that its pixels do not need."""
    first = b''.join(
        pictures.png_chunk(name, body)
        for name, body in (
            (b'gAMA', struct.pack('>I', 100_000)),
            (b'cHRM', struct.pack('>8I', *[30_000] * 8)),
            (b'iCCP', b'profile\0\0' + zlib.compress(bytes(200))),
            (b'tEXt', b'Comment\0secret'),
            (b'prVt', b'who knows'),
        )
    )
    last = pictures.png_chunk(b'zTXt', b'Comment\0\0' + zlib.compress(bytes(10**6)))
    return data[:33] + first + data[33:-12] + last + data[-12:] + b'what follows'


@pytest.mark.parametrize('name', pictures.pngs())
def test_tensorflow_sees_no_chunk_of_a_png_that_pixels_do_not_need(name):
    import tensorflow as tf

    data = GOOD[name].data
    bare, more = read_header('PNG', data).data, read_header('PNG', with_chunks(data))
    assert more.data == bare
    assert not any(chunk in more.data for chunk in (b'gAMA', b'iCCP', b'tEXt', b'zTXt', b'prVt'))
    for channels in (0, 1, 3, 4):
        found = tf.io.decode_png(bare, channels=channels).numpy()
        np.testing.assert_array_equal(
            found, tf.io.decode_png(with_chunks(data), channels=channels).numpy()
        )
    found, expected = pictures.normalise(with_chunks(data)), pictures.normalise(data)
    assert found == expected
    if more.plain:
        assert found.data == bare


def test_a_png_with_pixels_in_two_pieces_is_refused():
    data = GOOD['colour.png'].data
    pieces = data[:-12] + pictures.png_chunk(b'tEXt', b'a\0b') + pictures.png_chunk(b'IDAT', b'')
    with pytest.raises(gate.BadImage, match='not in one piece'):
        pictures.normalise(pieces + data[-12:])


def moving_webp(still, frame_size, left, top, canvas):
    """Return a moving WebP whose one frame is a still picture, somewhere on a canvas."""

    def chunk(name, body):
        return name + struct.pack('<I', len(body)) + body + b'\0' * (len(body) % 2)

    def numbers(*values):
        return b''.join(value.to_bytes(3, 'little') for value in values)

    pixels = still[30:] if still[12:16] == b'VP8X' else still[12:]
    place = numbers(left // 2, top // 2, frame_size[0] - 1, frame_size[1] - 1, 100) + b'\2'
    body = chunk(b'VP8X', bytes([0x12, 0, 0, 0]) + numbers(canvas[0] - 1, canvas[1] - 1))
    body += chunk(b'ANIM', bytes(6)) + chunk(b'ANMF', place + pixels)
    return b'RIFF' + struct.pack('<I', 4 + len(body)) + b'WEBP' + body


@pytest.mark.parametrize('options', [{'lossless': True}, {'quality': 80}], ids=str)
def test_a_first_frame_of_a_webp_lies_where_pillow_puts_it(options):
    image = pictures.as_image(np.dstack([pictures.colours(), pictures.alpha()]))
    data = moving_webp(pictures.encoded(image, 'WEBP', **options), image.size, 6, 4, (60, 50))
    with Image.open(io.BytesIO(data)) as whole:
        expected = np.asarray(whole.convert('RGBA'))
    expected = pictures.over_white(expected[..., :3], expected[..., 3:])
    assert difference(decoded(pictures.normalise(data)), expected) <= 1


@pytest.mark.parametrize('size', [(16000, 16000), (20, 10)])
def test_a_frame_of_a_webp_that_is_not_as_large_as_it_says_is_refused(size):
    still = pictures.encoded(pictures.as_image(np.zeros((40, 40, 3), np.uint8)), 'WEBP')
    with pytest.raises(gate.BadImage, match='damaged WebP'):
        pictures.normalise(moving_webp(still, size, 0, 0, (44, 44)))


def test_a_server_may_lower_the_limit():
    with pytest.raises(gate.BadImage, match='at most 1,000 pixels'):
        pictures.normalise(GOOD['baseline.jpg'].data, max_pixels=1000)


def test_the_first_bytes_decide_and_what_follows_the_picture_does_not_matter():
    data = GOOD['colour.png'].data + b'something appended'
    assert pictures.normalise(data).data == GOOD['colour.png'].data


def test_orientations_that_mean_nothing_are_ignored():
    for value in (0, 9, 65535):
        assert pictures.normalise(pictures.turned_by(value)).format == 'jpeg'


@pytest.mark.parametrize('name', ['moving.gif', 'colour.bmp', 'raw.tif'])
def test_gif_bmp_and_tiff_need_no_decoder(name):
    assert gate.normalise(GOOD[name].data, decoder=None) == pictures.normalise(GOOD[name].data)


def test_threads_share_it():
    good = [each.data for each in GOOD.values()][:20]
    results = []

    def work():
        results.append([pictures.normalise(data).data for data in good])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[pictures.normalise(data).data for data in good]] * 4


def test_a_gif_shows_its_decoder_one_frame_and_a_tiff_one_directory():
    gif = read_header('GIF', GOOD['moving.gif'].data).data
    assert getattr(Image.open(io.BytesIO(gif)), 'n_frames', 1) == 1
    tiff = read_header('TIFF', GOOD['pages.tif'].data).data
    assert Image.open(io.BytesIO(tiff)).n_frames == 1


def test_a_panorama_passes_within_a_bound_on_memory():
    resource = pytest.importorskip('resource')
    panorama = Image.new('RGB', (12000, 2500), (90, 120, 150))
    data = pictures.encoded(panorama, 'JPEG')
    pictures.normalise(GOOD['baseline.jpg'].data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert pictures.normalise(data).width == 12000
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 64 * 1024  # Kilobytes; its pixels alone would be 90 MB.
