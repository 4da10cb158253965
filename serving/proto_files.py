"""Protocol buffers in files, binary or as text."""

from google.protobuf import message, text_format

from common.errors import UserError


def read(path, kind):
    """Read a message of the class `kind`; what is none is a UserError that names the file."""
    try:
        with open(path, 'rb') as stream:
            data = stream.read()
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}') from None
    try:
        return kind.FromString(data)
    except message.DecodeError:
        pass
    try:
        return text_format.Parse(data.decode('utf-8'), kind())
    except (text_format.ParseError, UnicodeDecodeError):
        raise UserError(f'{path}: damaged, or not a {kind.DESCRIPTOR.name}') from None
