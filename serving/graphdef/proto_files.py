"""Read protocol buffers from files in binary or text form."""

from google.protobuf import message, text_format

from classifiers import file_kinds
from common.errors import UserError

_KINDS = {
    'GraphDef': file_kinds.GRAPH,
    'MetaGraphDef': file_kinds.META_GRAPH,
    'SavedModel': file_kinds.SAVED_MODEL,
}


def read(path, kind):
    """Read a message of the class `kind`; raise a UserError for other files."""
    try:
        with open(path, 'rb') as stream:
            data = stream.read()
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}') from None
    # Messages of one class often parse as another: this comes first.
    name = kind.DESCRIPTOR.name
    other = file_kinds.mistaken(path, _KINDS.get(name, name))
    if other:
        raise UserError(f'{path}: {other}')
    try:
        return kind.FromString(data)
    except message.DecodeError:
        pass
    try:
        return text_format.Parse(data.decode('utf-8'), kind())
    except (text_format.ParseError, UnicodeDecodeError):
        raise UserError(f'{path}: damaged, or not a {name}') from None
