"""import_weights.py: its options, what it prints, and its errors."""

import pytest

from common import cli
from common.errors import UserError
from support import weight_files, weight_layouts
from weights import listing, program
from weights.import_options import ImportOptions
from weights.layouts import registry
from weights.layouts.layout import Different
from weights.sources import TORCH


@pytest.fixture(autouse=True)
def invented(monkeypatch):
    layouts = [weight_layouts.lenet(note='Invented for the tests.'), weight_layouts.mobilenet()]
    monkeypatch.setattr(registry, 'layouts', lambda: layouts)
    row = Different(
        'invented vgg', TORCH, lambda source: 'vgg.weight' in source.tensors, 'no equal'
    )
    monkeypatch.setattr(registry, 'different', lambda: [row])


@pytest.fixture
def weights(tmp_path):
    variables = weight_files.random_variables('lenet')
    state = weight_files.torch_state(weight_layouts.lenet_layers('lenet', None), variables)
    return weight_files.write_safetensors(tmp_path / 'my weights.safetensors', state)


def run(*arguments):
    options = cli.read(ImportOptions, arguments)
    options.check_files()
    lines = []
    program.run(options, lines.append)
    return lines


def test_what_was_decided_is_reported(weights, tmp_path):
    out = tmp_path / 'out'
    expected = [
        f'{weights}: invented lenet, imported as lenet',
        '8 variables, 7 classes, 28 pixels',
        'preprocessing: lenet (the usual one)',
    ]
    arguments = f'--source={weights}', f'--output={out}'
    assert run(*arguments) == [*expected, f'written: {out}/lenet.ckpt and model.json']
    assert run(*arguments) == [*expected, f'already there: {out}/lenet.ckpt and model.json']


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        ((), '--source is missing: name a file of weights; --list'),
        (('--source={0}',), '--output is missing: name the directory'),
        (('--source={0}', '--output={0}'), '--output={0}: a file and not a directory'),
        (('--source={1}', '--output={2}'), '{1}: No such file or directory'),
        (('--source={2}', '--output={2}'), '{2}: no checkpoint in this directory'),
        (('--source={0}', '--output={2}', '--model_name=lent'), '--model_name=lent: unknown ne'),
        (('--source={0}', '--output={2}', '--rename=a'), '--rename=a: must be regex:replacement'),
        (('--source={0}', '--output={2}', '--rename=(:b'), "--rename=(:b: '(' is no pattern"),
        (('--source={0}', '--output={2}', '--image_size=0'), '--image_size=0: must be at least 1'),
        (
            ('--source={0}', '--output={2}', '--preprocessing_name=inceptio'),
            "--preprocessing_name=inceptio: unknown preprocessing 'inceptio'; known",
        ),
        (('--source={0}', '--output={2}', '--preprocessing_name=torch'), '--preprocessing_name=to'),
        (
            ('--source={0}', '--output={2}', '--verify', '--rename=a:b'),
            '--verify=True: compares with the file as it is; leave out --rename',
        ),
        (('--source={3}', '--output={2}'), '{3}: no weights that can be recognised; name a state'),
    ],
)
def test_a_mistake_is_one_line(arguments, words, weights, tmp_path):
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'text').write_text('0:cat\n')
    places = [weights, tmp_path / 'none', tmp_path / 'empty', tmp_path / 'text']
    with pytest.raises(UserError) as error:
        run(*(argument.format(*places) for argument in arguments))
    assert str(error.value).startswith(words.format(*places))
    assert '\n' not in str(error.value)
    assert list((tmp_path / 'empty').iterdir()) == []


def test_what_resembles_a_network_here_is_refused_with_the_reason(tmp_path):
    tensors = {'vgg.weight': weight_files.random_variables('lenet')['LeNet/conv1/biases']}
    path = weight_files.write_safetensors(tmp_path / 'vgg.safetensors', tensors)
    for chosen in ((), ('--model_name=lenet',)):
        with pytest.raises(UserError) as error:
            run(f'--source={path}', f'--output={tmp_path / "out"}', *chosen)
        assert str(error.value) == f'{path}: invented vgg: no equal'


def test_the_list_has_each_layout_with_its_networks():
    text = '\n'.join(listing.lines())
    assert 'PyTorch: .safetensors' in text
    assert '  invented lenet        28  lenet\n      Invented for' in text
    assert '    invented vgg: no equal' in text
    one = list(listing.lines('mobilenet_v1_025'))
    assert one[2] == '  invented mobilenet   128  mobilenet_v1_025'
    assert one[4].startswith('Published files, which --source=NAME downloads')
    assert '  keras/MobileNet_0.25_224   224   51.6  mobilenet_v1_025' in one
    assert list(listing.lines('cifarnet')) == []
