"""Parse the JSON of a request, and refuse before parsing what would need too much memory."""

import json
import re

from serving.web.refusals import Refusal

# Lists and objects take hundreds of times the memory of their text; base64 has none of these.
_STRUCTURE = (b',', b'[', b'{', b':')
_MOST_STRUCTURE = 5_000
# One character beyond ASCII makes Python store each character of its string in up to four bytes.
# File names have such characters, base64 has none. The limit is for all such strings together.
_MOST_BEYOND_ASCII = 500_000
_BEYOND_ASCII = re.compile(rb'[\x80-\xff]+')
_WIDE = re.compile(rb'\\u(?!00[0-7])')
_MOST_QUOTES = 100_000
_MOST_BACKSLASHES = 1_000  # In a row, before a quote.
_PIECE = 64 * 1024
_ASCII = bytes(range(128))
_BYTE_ORDER_MARK = b'\xef\xbb\xbf'


def parse(body):
    """Return the object in a JSON body; refuse what would need too much memory to parse."""
    if sum(body.count(sign) for sign in _STRUCTURE) > _MOST_STRUCTURE:
        raise Refusal(413, 'json', 'the JSON has too many parts')
    try:
        body = _as_ascii(body.removeprefix(_BYTE_ORDER_MARK))
        _check_wide_strings(body)
        content = json.loads(body.decode('ascii'))
    except (ValueError, RecursionError):
        raise Refusal(400, 'json', 'the body is not valid JSON') from None
    if not isinstance(content, dict):
        raise Refusal(400, 'json', 'the body must be a JSON object')
    return content


def _as_ascii(body):
    """Return the body with characters beyond ASCII escaped."""
    if body.isascii():
        return body
    if len(body.translate(None, delete=_ASCII)) > _MOST_BEYOND_ASCII:
        raise _too_much_text()
    escaped, begin = bytearray(), 0
    while begin < len(body):  # In pieces: searching for single characters is slow.
        end = begin + _PIECE
        while end < len(body) and body[end] >= 128:  # Do not cut a character.
            end += 1
        piece = body[begin:end]
        escaped += piece if piece.isascii() else _BEYOND_ASCII.sub(_escaped, piece)
        begin = end
    return escaped


def _escaped(run):
    return json.dumps(run.group().decode())[1:-1].encode()


def _check_wide_strings(body):
    """Refuse long strings with escaped characters beyond ASCII."""
    if not _WIDE.search(body):
        return
    total = 0
    for begin, end in _strings(body):
        if _WIDE.search(body, begin, end):
            total += end - begin
            if total > _MOST_BEYOND_ASCII:
                raise _too_much_text()


def _strings(body):
    """Yield the start and end of each string; the last one may have no closing quote."""
    begin, position = None, 0
    for _ in range(_MOST_QUOTES):
        end = body.find(b'"', position)
        if end < 0:
            break
        position = end + 1
        if begin is None:
            begin = position
        elif not _is_escaped(body, begin, end):
            yield begin, end
            begin = None
    else:
        raise _too_much_text()
    if begin is not None:
        yield begin, len(body)


def _is_escaped(body, begin, quote):
    """Tell whether an odd number of backslashes comes before a quote."""
    before = body[max(begin, quote - _MOST_BACKSLASHES) : quote]
    count = len(before) - len(before.rstrip(b'\\'))
    if count == _MOST_BACKSLASHES:
        raise _too_much_text()
    return count % 2 == 1


def _too_much_text():
    return Refusal(413, 'json', 'the JSON has too much text beyond ASCII')
