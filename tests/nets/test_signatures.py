"""Names and signatures that code written against TF-Slim imports."""

import importlib
import inspect

import pytest
from tf_slim import softmax

from nets import layers, vgg
from support import reference

SIGNATURES = (reference.GOLDEN / 'nets' / 'signatures.txt').read_text().splitlines()


@pytest.mark.parametrize('line', SIGNATURES, ids=lambda line: line.split('(')[0])
def test_parameters_stand_in_their_order_with_their_defaults(line):
    path, _, expected = line.removesuffix(')').partition('(')
    module, name = path.rsplit('.', 1)
    function = getattr(importlib.import_module(module), name)
    parameters = inspect.signature(function).parameters.values()
    actual = ', '.join(describe(parameter) for parameter in parameters)
    # Parameters may be added at the end.
    assert f'{actual}, '.startswith(f'{expected}, ')


def describe(parameter):
    if parameter.default is parameter.empty:
        return f'**{parameter.name}' if parameter.kind is parameter.VAR_KEYWORD else parameter.name
    named = {softmax: 'softmax', layers.batch_norm: 'batch_norm'}
    default = parameter.default
    if callable(default):
        return f'{parameter.name}={named.get(default, default.__name__)}'
    return f'{parameter.name}={default!r}'


def test_vgg_has_its_papers_names_too():
    assert (vgg.vgg_d, vgg.vgg_e) == (vgg.vgg_16, vgg.vgg_19)
