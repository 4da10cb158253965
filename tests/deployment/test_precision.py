"""The short type fits the machine, the session uses it, and GPUs are found without delay."""

import sys

import pytest
import tensorflow.compat.v1 as tf

from deployment import precision


@pytest.mark.parametrize(
    ('has_gpu', 'flags', 'kind'),
    [
        (True, {'avx512_bf16'}, 'float16'),
        (False, {'avx2', 'avx512_bf16'}, 'bfloat16'),
        (False, {'avx2', 'amx_bf16'}, 'bfloat16'),
        (False, {'avx2'}, None),
        (False, set(), None),
    ],
)
def test_the_type_fits_the_machine(has_gpu, flags, kind):
    assert precision.choose(has_gpu, flags) == kind


@pytest.mark.parametrize(
    ('kind', 'switched'),
    [
        ('float16', {'auto_mixed_precision'}),
        ('bfloat16', {'auto_mixed_precision_onednn_bfloat16'}),
        (None, set()),
    ],
)
def test_a_session_uses_the_type(kind, switched):
    options = precision.rewrite(tf.ConfigProto(), kind).graph_options.rewrite_options
    assert {field.name for field, _ in options.ListFields()} == switched


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Return a folder for drivers; TensorFlow is not imported, and would find a GPU."""
    (tmp_path / 'tensorflow.py').write_text(
        'class config:\n    list_physical_devices = staticmethod(lambda kind: [kind])\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'tensorflow')
    monkeypatch.setenv('TF_CPP_MIN_LOG_LEVEL', '3')
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    return tmp_path


def has_gpu(machine):
    return precision.has_gpu((f'{machine}/nvidia[0-9]*', f'{machine}/kfd'))


def test_without_a_driver_tensorflow_is_not_imported(machine):
    (machine / 'nvidia-caps').touch()
    assert not has_gpu(machine)
    assert 'tensorflow' not in sys.modules


@pytest.mark.parametrize('driver', ['nvidia0', 'kfd'])
def test_with_a_driver_tensorflow_answers(machine, driver):
    (machine / driver).touch()
    assert has_gpu(machine)


@pytest.mark.parametrize(
    ('visible', 'answer'),
    [
        ('', False),
        ('-1', False),
        ('none', False),
        ('-1,0', False),
        ('1,0', True),
        ('GPU-8932f937', True),
        ('MIG-GPU-8932f937/1/2', True),
    ],
)
def test_hidden_gpus_are_not_looked_for(machine, monkeypatch, visible, answer):
    (machine / 'nvidia0').touch()
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', visible)
    assert has_gpu(machine) is answer
    assert ('tensorflow' in sys.modules) is answer


def test_a_machine_without_tensorflow_has_no_gpu(machine, monkeypatch):
    (machine / 'nvidia0').touch()
    (machine / 'tensorflow.py').write_text('raise ImportError')
    assert not has_gpu(machine)


def test_an_imported_tensorflow_is_asked_on_any_machine(machine):
    (machine / 'nvidia0').touch()
    assert has_gpu(machine)
    (machine / 'nvidia0').unlink()
    assert has_gpu(machine)
