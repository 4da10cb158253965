"""A record declares its options once: checks, flags, other names, and records within records."""

import dataclasses
import pickle

import pytest

from common.checks import COUNT, DECAY, POSITIVE, OneOf, Range
from common.errors import UserError
from common.options import (
    Dead,
    OptionError,
    Options,
    ProgramOptions,
    SwitchedCount,
    build,
    flags,
    older_flags,
    option,
    part,
    positional,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network(Options):
    model_name: str | None = option('Network', None, 'The network.', shown='lenet')
    side: int | None = option('Network', None, 'Pixels.', COUNT, older=('image_size',))
    layers: tuple[str, ...] = option('Network', (), 'Names of layers.')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Example(ProgramOptions):
    unused = (Dead('num_frames', None, 'there are no videos here', int),)

    path: str = option('Files', '', 'A file.', is_path=True)
    network: Network = part(Network, names={'model_name': 'network', 'side': 'pixels'})
    share: float = option('Numbers', 0.5, 'Of all.', DECAY, name='part_of_all')
    colour: str = option('Numbers', 'red', 'How it is painted.', OneOf(('red', 'blue')))
    repeats: SwitchedCount | None = option('Numbers', None, 'How often.', COUNT)
    pictures: tuple[str, ...] = positional('PICTURE', older=('image',))

    def __post_init__(self):
        super().__post_init__()
        if self.path == 'impossible':
            raise self.mistake('path', 'does not exist')


@pytest.mark.parametrize(
    ('check', 'value', 'fault'),
    [
        (COUNT, 0, 'must be at least 1'),
        (POSITIVE, 0.0, 'must be above 0'),
        (DECAY, 1.0, 'must be at least 0 and below 1'),
        (Range(high=0), 0.5, 'must be at most 0'),
        (Range(0, 65535), 65536, 'must be at least 0 and at most 65535'),
        (COUNT, float('nan'), 'must be a finite number'),
        (Range(), float('inf'), 'must be a finite number'),
        (OneOf(('a', 'b')), 'c', "unknown its name 'c'; known, nearest first: a, b"),
        (COUNT, 1, None),
        (COUNT, 10**400, None),
        (DECAY, 0, None),
        (OneOf(('a', 'b')), 'b', None),
    ],
)
def test_the_message_of_a_check_is_made_from_the_check(check, value, fault):
    assert check.fault('its_name', value) == fault
    if fault and 'finite' not in fault:
        assert check.describe() in fault


def test_flags_come_from_the_fields_and_from_contained_records():
    assert [(flag.name, flag.kind, flag.group) for flag in flags(Example)] == [
        ('path', 'path', 'Files'),
        ('network', 'string', 'Network'),
        ('pixels', 'integer', 'Network'),
        ('layers', 'list', 'Network'),
        ('part_of_all', 'float', 'Numbers'),
        ('colour', 'string', 'Numbers'),
        ('repeats', 'switched count', 'Numbers'),
        ('verbose', 'boolean', 'Messages'),
    ]


def test_older_flags_are_other_names_and_unused_ones():
    assert [(flag.name, flag.kind, flag.help) for flag in older_flags(Example)] == [
        ('image_size', 'integer', 'The same as --pixels.'),
        ('image', 'path', 'The same as PICTURE.'),
        ('num_frames', 'integer', 'Not supported: there are no videos here.'),
    ]


def test_a_record_is_built_from_flags_and_tells_them_again():
    values = {'network': 'vgg', 'pixels': 3, 'part_of_all': 0.25, 'pictures': ('a.jpg',)}
    built = build(Example, values)
    network = Network(model_name='vgg', side=3)
    assert built == Example(network=network, share=0.25, pictures=('a.jpg',))
    assert build(Example, built.by_flag()) == dataclasses.replace(built, pictures=())
    assert build(Example, {}) == Example()


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'pixels': 0}, '--pixels=0: must be at least 1'),
        ({'part_of_all': 2.0}, '--part_of_all=2.0: must be at least 0 and below 1'),
        ({'path': 'impossible'}, '--path=impossible: does not exist'),
        (
            {'colour': 'r\ned'},
            "--colour=r\\ned: unknown colour 'r\\ned'; known, nearest first: red",
        ),
    ],
)
def test_a_mistake_names_the_flag(values, message):
    with pytest.raises(UserError) as caught:
        build(Example, values)
    assert str(caught.value).startswith(message)


def test_a_part_may_leave_out_flags():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Smaller(ProgramOptions):
        network: Network = part(Network, omit=('side', 'layers'))

    assert [flag.name for flag in flags(Smaller)] == ['model_name', 'verbose']
    assert older_flags(Smaller) == []
    assert build(Smaller, {'side': 0}) == Smaller()


def test_an_error_survives_another_process():
    error = pickle.loads(pickle.dumps(OptionError('names', ('a', 'b'), 'are equal')))
    assert str(error.renamed({'names': 'labels'})) == '--labels=a,b: are equal'


def test_an_empty_text_means_not_given():
    assert Network(model_name='').model_name is None
    assert Network(model_name='').or_default('model_name') == 'lenet'
    assert Example(path='').path == ''
