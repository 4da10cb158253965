"""Recognise the kind of a file by its bytes, and name files that are not pictures."""


class BadImage(Exception):  # noqa: N818 - what is bad is the file, not the program.
    """A file that cannot be used as a picture; the message is one short line."""


class ImageTooLarge(BadImage):
    """A picture has more pixels than can be decoded here."""


JPEG, PNG, GIF, BMP, WEBP, TIFF = 'JPEG', 'PNG', 'GIF', 'BMP', 'WebP', 'TIFF'

# Formats for pictures that cannot be stored byte for byte; the first is used if none is given.
REENCODINGS = ('png', 'jpeg')

# As strict as TensorFlow's own test of the first bytes, which applies in training.
_PICTURES = (
    (0, b'\xff\xd8\xff', JPEG),
    (0, b'\x89PNG\r\n\x1a\n', PNG),
    (0, b'GIF87a', GIF),
    (0, b'GIF89a', GIF),
    (0, b'BM', BMP),
    (0, b'II*\0', TIFF),
    (0, b'MM\0*', TIFF),
    (0, b'II+\0', TIFF),
    (0, b'MM\0+', TIFF),
)

# Pictures that are not supported, with their common names.
_UNSUPPORTED = (
    (4, b'ftypavif', 'AVIF'),
    (4, b'ftypavis', 'AVIF'),
    (4, b'ftypheic', 'HEIC'),
    (4, b'ftypheix', 'HEIC'),
    (4, b'ftyphevc', 'HEIC'),
    (4, b'ftypmif1', 'HEIF'),
    (4, b'ftypmsf1', 'HEIF'),
    (4, b'ftypcrx ', 'camera raw'),
    (8, b'CR\x02\0', 'camera raw'),
    (0, b'FUJIFILMCCD-RAW', 'camera raw'),
    (0, b'\0\0\0\x0cjP  ', 'JPEG 2000'),
    (0, b'\xff\x4f\xff\x51', 'JPEG 2000'),
    (0, b'\0\0\0\x0cJXL ', 'JPEG XL'),
    (0, b'\xff\x0a', 'JPEG XL'),
    (0, b'8BPS', 'Photoshop'),
    (0, b'gimp xcf', 'GIMP'),
    (0, b'\0\0\1\0', 'icon (ICO)'),
    (0, b'II\xbc\1', 'JPEG XR'),
)

_OTHERS = (
    (0, b'PK\3\4', 'ZIP archive'),
    (0, b'PK\5\6', 'ZIP archive'),
    (0, b'\x1f\x8b', 'gzip archive'),
    (0, b'BZh', 'bzip2 archive'),
    (0, b'7z\xbc\xaf\x27\x1c', '7z archive'),
    (0, b'Rar!', 'RAR archive'),
    (257, b'ustar', 'tar archive'),
    (0, b'%PDF', 'PDF'),
    (0, b'%!PS', 'PostScript'),
    (0, b'\x7fELF', 'program'),
    (0, b'MZ', 'program'),
    (0, b'\x93NUMPY', 'NumPy array'),
    (0, b'\x89HDF', 'HDF5'),
    (0, b'SQLite format 3', 'database'),
    (4, b'ftyp', 'video'),
    (0, b'\x1aE\xdf\xa3', 'video'),
    (0, b'RIFF', 'sound or video'),
    (0, b'OggS', 'sound or video'),
    (0, b'ID3', 'sound'),
    (0, b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', 'Microsoft Office or Thumbs.db file'),
)


def kind_of(data):
    """Return the kind of picture in `data`, or None if it is not a supported one."""
    if data[:4] == b'RIFF' and data[8:12] == b'WEBP':
        return WEBP
    # Camera raw files begin like TIFF, but a TIFF reader finds only their thumbnail.
    return None if _match(data, _UNSUPPORTED) else _match(data, _PICTURES)


def why_not_a_picture(data):
    """Say in a few words what unsupported `data` is instead."""
    if not data:
        return 'empty file'
    if name := _match(data, _UNSUPPORTED):
        return f'{name} is not supported; save it as JPEG or PNG'
    name = _match(data, _OTHERS) or _text_kind(data[:4096]) or 'unknown kind of file'
    return f'not a picture ({name})'


def _match(data, table):
    for offset, magic, name in table:
        if data[offset : offset + len(magic)] == magic:
            return name
    return None


def _text_kind(head):
    if not head.strip(b'\0'):
        return 'nothing but zero bytes'
    text = head.removeprefix(b'\xef\xbb\xbf').lstrip().lower()
    if b'<svg' in text:
        return 'SVG drawing'
    if text.startswith((b'<!doctype html', b'<html', b'<head', b'<body')):
        return 'HTML'
    if text.startswith(b'<?xml'):
        return 'XML'
    try:
        # `head` may end inside a character.
        decoded = head.decode('utf-8', errors='strict' if len(head) < 4096 else 'ignore')
    except UnicodeDecodeError:
        return None
    readable = all(character.isprintable() or character.isspace() for character in decoded)
    return 'text' if readable and len(decoded) >= len(head) / 5 else None
