"""Files of the safetensors library."""

import json

import ml_dtypes
import numpy as np
import pytest

from common.errors import UserError
from support import weight_files
from weights.readers import source_file
from weights.sources import SLIM, TORCH


@pytest.mark.parametrize('kind', [np.float32, np.float64, np.float16])
def test_numbers_become_float32(kind, tmp_path):
    values = {'a.weight': np.arange(6, dtype=kind).reshape(2, 3), 'b': np.array(2, kind)}
    path = weight_files.write_safetensors(tmp_path / 'w.bin', values, {'format': 'pt', 'x': 'y'})
    source = source_file.open_source(path)
    assert (source.kind, source.metadata) == (TORCH, {'format': 'pt', 'x': 'y'})
    for name, value in values.items():
        assert source.shape(name) == value.shape
        assert source.read(name).dtype == np.float32
        np.testing.assert_array_equal(source.read(name), value)


def test_bfloat16_becomes_float32(tmp_path):
    values = np.array([1, -2.5, 3e38], ml_dtypes.bfloat16)
    header = json.dumps({'w': {'dtype': 'BF16', 'shape': [3], 'data_offsets': [0, 6]}}).encode()
    path = tmp_path / 'w.safetensors'
    path.write_bytes(len(header).to_bytes(8, 'little') + header + values.tobytes())
    np.testing.assert_array_equal(source_file.open_source(path).read('w'), np.float32(values))


def test_names_in_scopes_are_those_of_the_networks_here(tmp_path):
    path = weight_files.write_safetensors(tmp_path / 'w', {'LeNet/conv1/biases': np.zeros(2)})
    assert source_file.open_source(path).kind == SLIM


def test_a_file_that_ends_early_is_called_incomplete(tmp_path):
    path = weight_files.write_safetensors(tmp_path / 'w', {'a': np.zeros(9), 'b': np.zeros(3)})
    content = path.read_bytes()
    for length in range(9, len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(UserError) as error:
            source_file.open_source(path)
        assert str(error.value).startswith(f'{path}: not a complete safetensors file (')
        assert '\n' not in str(error.value)
    for length in range(9):
        path.write_bytes(content[:length])
        with pytest.raises(UserError, match=r'no weights that can be recognised|empty'):
            source_file.open_source(path)


def test_a_missing_tensor_names_those_that_are_similar(tmp_path):
    path = weight_files.write_safetensors(tmp_path / 'w', {'a': np.zeros(9)})
    with pytest.raises(UserError, match="unknown tensor 'b'; known, nearest first: a"):
        source_file.open_source(path).read('b')
