"""Recognise the kind of a model file by its content, so that no intact file is called damaged."""

import json
import os
import re
import zipfile

# The kinds of TensorFlow.
GRAPH = 'graph'  # A GraphDef.
META_GRAPH = 'MetaGraph'  # The .meta file of a checkpoint: a GraphDef with collections.
SAVED_MODEL = 'SavedModel'  # saved_model.pb: MetaGraphs with signatures.
CHECKPOINT = 'checkpoint'  # The index of a V2 checkpoint, or a V1 checkpoint.
ONNX = 'ONNX model'
# The kinds of weights of other programs.
TORCH = 'PyTorch checkpoint'
SAFETENSORS = 'safetensors file'
KERAS = 'Keras model'

SAVED_MODEL_FILES = ('saved_model.pb', 'saved_model.pbtxt')
NEEDED = {  # What to pass if this kind is needed.
    GRAPH: 'name a graph (.pb), such as export_inference_graph.py writes',
    META_GRAPH: 'name a MetaGraph, such as the .meta beside a checkpoint',
    SAVED_MODEL: 'name a SavedModel',
    CHECKPOINT: 'name a checkpoint or a training directory',
    ONNX: 'name an ONNX model (.onnx), such as freeze_graph.py writes',
}
# What to pass instead of a model that was exported to another format.
SOURCE = 'name the training directory or the frozen graph (.pb) that it was made from'
_BETTER = {  # (needed kind, kind of the file): what to do instead.
    (GRAPH, META_GRAPH): 'freeze_graph.py takes it as --input_meta_graph, with its checkpoint',
    (META_GRAPH, GRAPH): 'freeze_graph.py takes it as --input_graph',
}

_HDF5 = b'\x89HDF\r\n\x1a\n'
_GZIP = b'\x1f\x8b'
_TORCH_PICKLES = (b'\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.', b'\x80\x02ctorch')
_OLDEST_TORCH = (b'sys_info', b'pickle', b'storages', b'tensors')  # Names in a tar archive.
# What downloads may leave in place of a file.
_WEB_PAGES = (b'<!doctype html', b'<html')
_LFS_POINTER = b'version https://git-lfs.github.com/spec/'
_LONGEST_NAME = 4096
_LONGEST_HEADER = 100_000_000  # The limit of the safetensors library.
_TABLE = b'\x57\xfb\x80\x8b\x24\x75\x47\xdb'  # The end of the tables in checkpoints.
_TEXTS = {
    GRAPH: re.compile(rb'\s*(node|library|versions)\s*\{'),
    META_GRAPH: re.compile(rb'\s*(meta_info_def|graph_def|saver_def)\s*\{'),
    SAVED_MODEL: re.compile(rb'\s*(saved_model_schema_version\s*:|meta_graphs\s*\{)'),
}
_COMMENTS = re.compile(rb'^\s*#.*$', re.MULTILINE)
_IMPORT = 'import_weights.py makes a checkpoint of it that the programs here read'
_TORCH = f'a PyTorch checkpoint; {_IMPORT}'
_KERAS = f'a Keras model; {_IMPORT}'


def tensorflow_kind(path):
    """Return the kind of a TensorFlow file, or '' for other files."""
    try:
        with open(path, 'rb') as stream:
            return _binary_kind(stream) or _text_kind(stream) or _table_kind(stream)
    except OSError:
        return ''


def weights_kind(path):
    """Return the kind of a file that contains weights, complete or not, or '' for other files."""
    try:
        with open(path, 'rb') as stream:
            return _foreign_weights(stream) or tensorflow_kind(path)
    except OSError:
        return ''


def _foreign_weights(stream):
    start = stream.read(512)
    if start[:4] == b'PK\x03\x04':
        return _zipped_weights(stream, start)
    if start.startswith(_HDF5):
        return KERAS
    is_oldest = start[257:262] == b'ustar' and start[:100].rstrip(b'\0') in _OLDEST_TORCH
    if start.startswith(_TORCH_PICKLES) or is_oldest:
        return TORCH
    return SAFETENSORS if _begins_safetensors(start) else ''


def _zipped_weights(stream, start):
    try:
        names = _names_in_zip(stream)
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        # An incomplete archive has no list of its files; the first one's name is at the start.
        length = int.from_bytes(start[26:28], 'little')
        names = {os.path.basename(start[30 : 30 + length].decode('utf-8', 'replace'))}
    if 'data.pkl' in names:
        return TORCH
    return KERAS if names & {'config.json', 'metadata.json', 'model.weights.h5'} else ''


def _binary_kind(stream):
    """Distinguish messages by their first field; every graph begins with a node."""
    if _begins_with_node(stream, 0):
        return GRAPH
    if _begins_meta_graph(stream, 0):
        return META_GRAPH
    stream.seek(0)
    if stream.read(2) == b'\x08\x01' and stream.read(1) == b'\x12':  # The version; a MetaGraph.
        _varint(stream)
        return SAVED_MODEL if _begins_meta_graph(stream, stream.tell()) else ''
    return ''


def _begins_meta_graph(stream, start):
    """Return whether a message begins like a MetaGraphDef: maybe a meta_info_def, then a graph."""
    stream.seek(start)
    tag = stream.read(1)
    if tag == b'\x0a':
        stream.seek(_varint(stream), os.SEEK_CUR)
        tag = stream.read(1)
    if tag != b'\x12':
        return False
    _varint(stream)
    return _begins_with_node(stream, stream.tell())


def _begins_with_node(stream, start):
    """Return whether a message begins like a GraphDef: the name and the operation of a node."""
    stream.seek(start)
    if stream.read(1) != b'\x0a':
        return False
    _varint(stream)
    return all(stream.read(1) == tag and _is_name(stream) for tag in (b'\x0a', b'\x12'))


def _is_name(stream):
    length = _varint(stream)
    text = stream.read(min(length, _LONGEST_NAME))
    return len(text) == length > 0 and text.isascii() and text.decode('ascii').isprintable()


def _varint(stream):
    """Read a varint of a protocol buffer; 0 if there is none."""
    number = 0
    for place in range(5):
        byte = stream.read(1)
        if not byte:
            return 0
        number |= (byte[0] & 127) << 7 * place
        if byte[0] < 128:
            return number
    return 0


def _text_kind(stream):
    stream.seek(0)
    start = _COMMENTS.sub(b'', stream.read(4096))
    return next((kind for kind, pattern in _TEXTS.items() if pattern.match(start)), '')


def _table_kind(stream):
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - len(_TABLE)))
    return CHECKPOINT if stream.read() == _TABLE else ''


def mistaken(path, needed):
    """Return the kind of a file and what to do instead, or '' if it may be of the needed kind.

    `needed` is a kind of TensorFlow file, or another name.
    """
    kind = tensorflow_kind(path)
    if not kind:
        return foreign(path)
    if kind == needed:
        return ''
    advice = _BETTER.get((needed, kind)) or NEEDED.get(needed, f'name a {needed}')
    return f'a {kind}; {advice}'


def is_saved_model(directory):
    """Return whether a directory is a SavedModel."""
    return any(os.path.exists(os.path.join(directory, name)) for name in SAVED_MODEL_FILES)


def foreign(path):
    """Return the kind of a file of another framework and what to do instead, otherwise ''."""
    try:
        with open(path, 'rb') as stream:
            start = stream.read(512)
            if start[:4] == b'PK\x03\x04':
                return _of_zip(stream)
            return _of_start(start) or _of_safetensors(stream, start)
    except (OSError, ValueError, RecursionError, NotImplementedError, zipfile.BadZipFile):
        return ''


def is_onnx(path):
    """Return whether a file begins like an ONNX model."""
    with open(path, 'rb') as stream:
        return _is_onnx(stream.read(512))


def _is_onnx(start):
    """Return whether a file begins with an ir_version from 1 to 15 and a producer_name.

    All exporters to ONNX write these first.
    """
    if len(start) < 5 or start[0] != 0x08 or not 1 <= start[1] <= 15 or start[2] != 0x12:
        return False
    name = start[4 : 4 + start[3]]
    return start[3] < 64 and name.isascii() and name.decode('ascii').isprintable() and bool(name)


def _of_start(start):
    if start[4:8] == b'TFL3':
        return f'a TensorFlow Lite model; {SOURCE}'
    if start.startswith(_HDF5):
        return f'an HDF5 file, such as {_KERAS}'
    if start.startswith(_TORCH_PICKLES):
        return _TORCH
    if _is_onnx(start):
        return f'an ONNX model; {SOURCE}'
    if start.startswith(_GZIP) or start[257:262] == b'ustar':
        return 'an archive; unpack it and name the model in it'
    if start.lstrip().lower().startswith(_WEB_PAGES):
        return 'a web page; download the file itself'
    if start.startswith(_LFS_POINTER):
        return 'a pointer of Git LFS; download the file itself'
    return ''


def _of_zip(stream):
    names = _names_in_zip(stream)
    if 'data.pkl' in names:
        return _TORCH
    if {'config.json', 'metadata.json'} <= names:
        return _KERAS
    return 'an archive; unpack it and name the model in it'


def _names_in_zip(stream):
    with zipfile.ZipFile(stream) as archive:
        return {os.path.basename(name) for name in archive.namelist()}


def _begins_safetensors(start):
    return start[8:9] == b'{' and 2 <= int.from_bytes(start[:8], 'little') <= _LONGEST_HEADER


def _of_safetensors(stream, start):
    if not _begins_safetensors(start):
        return ''
    length = int.from_bytes(start[:8], 'little')
    stream.seek(8)
    tensors = json.loads(stream.read(length))
    values = [value for name, value in tensors.items() if name != '__metadata__']
    if all(isinstance(value, dict) and 'data_offsets' in value for value in values):
        return f'weights in safetensors; {_IMPORT}'
    return ''
