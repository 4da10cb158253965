"""Which program's model a file holds, by its content: intact files of others are not damaged."""

import json
import os
import zipfile

_HDF5 = b'\x89HDF\r\n\x1a\n'
_GZIP = b'\x1f\x8b'
_TORCH_PICKLES = (b'\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.', b'\x80\x02ctorch')
_LONGEST_HEADER = 100_000_000  # Of a safetensors file, as its own library has it.
_TORCH = (
    'a PyTorch checkpoint; this toolkit reads checkpoints of TensorFlow: train the network here, '
    'or name a released checkpoint'
)
_KERAS = 'a Keras model; this toolkit reads TensorFlow checkpoints and frozen graphs (.pb)'


def foreign(path):
    """Return what a file of another program is and what to do instead; '' for all else."""
    try:
        with open(path, 'rb') as stream:
            start = stream.read(512)
            if start[:4] == b'PK\x03\x04':
                return _of_zip(stream)
            return _of_start(start) or _of_safetensors(stream, start)
    except (OSError, ValueError, RecursionError, NotImplementedError, zipfile.BadZipFile):
        return ''


def _of_start(start):
    if start[4:8] == b'TFL3':
        return (
            'a TensorFlow Lite model; name the training directory or the frozen graph (.pb) that '
            'it was made from'
        )
    if start.startswith(_HDF5):
        return f'an HDF5 file, such as {_KERAS}'
    if start.startswith(_TORCH_PICKLES):
        return _TORCH
    # ir_version 1 to 15, then producer_name (field 2), as every exporter to ONNX writes them.
    if start[:1] == b'\x08' and 1 <= start[1] <= 15 and start[2:3] == b'\x12' and start[3] < 64:
        name = start[4 : 4 + start[3]]
        if name.isascii() and name.decode('ascii').isprintable() and name:
            return (
                'an ONNX model; name the training directory or the frozen graph (.pb) that it '
                'was made from'
            )
    if start.startswith(_GZIP) or start[257:262] == b'ustar':
        return 'an archive; unpack it and name the model in it'
    return ''


def _of_zip(stream):
    with zipfile.ZipFile(stream) as archive:
        names = {os.path.basename(name) for name in archive.namelist()}
    if 'data.pkl' in names:
        return _TORCH
    if {'config.json', 'metadata.json'} <= names:
        return _KERAS
    return 'an archive; unpack it and name the model in it'


def _of_safetensors(stream, start):
    length = int.from_bytes(start[:8], 'little')
    if start[8:9] != b'{' or not 2 <= length <= _LONGEST_HEADER:
        return ''
    stream.seek(8)
    tensors = json.loads(stream.read(length))
    values = [value for name, value in tensors.items() if name != '__metadata__']
    if all(isinstance(value, dict) and 'data_offsets' in value for value in values):
        return (
            'weights in safetensors; this toolkit reads checkpoints of TensorFlow: train the '
            'network here, or name a released checkpoint'
        )
    return ''
