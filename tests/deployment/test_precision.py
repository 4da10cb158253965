"""The short type fits the machine, and the session is told so."""

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
def test_a_session_is_told(kind, switched):
    options = precision.rewrite(tf.ConfigProto(), kind).graph_options.rewrite_options
    assert {field.name for field, _ in options.ListFields()} == switched
