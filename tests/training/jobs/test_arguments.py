"""Flags among the arguments that a script passes on, read as the programs read them."""

import os

import pytest

from training.jobs import arguments


@pytest.mark.parametrize(
    ('typed', 'value'),
    [
        ([], 'default'),
        (['--name=a'], 'a'),
        (['-name=a b'], 'a b'),
        (['--name', 'a'], 'a'),
        (['--name=a', '--name', 'b'], 'b'),
        (['--name=a=b'], 'a=b'),
        (['--name='], ''),
        (['--name'], 'default'),
        (['--other=a', 'name=a', '--names=a'], 'default'),
        (['--', '--name=a'], 'default'),
        (['--name=~/a'], os.path.expanduser('~/a')),
        (['--name=a~'], 'a~'),
    ],
)
def test_the_last_value_of_a_flag_counts(typed, value):
    assert arguments.value(typed, 'name', 'default') == value


@pytest.mark.parametrize(
    ('typed', 'on'),
    [
        ([], False),
        (['--once'], True),
        (['-once'], True),
        (['--once=True'], True),
        (['--once=1'], True),
        (['--once=False'], False),
        (['--once', '--noonce'], False),
        (['--noonce', '--once'], True),
    ],
)
def test_a_switch_is_what_was_typed_last(typed, on):
    assert arguments.is_on(typed, 'once') is on


def test_a_flag_is_taken_out_with_its_value():
    typed = ['--a=1', '--name', 'x', 'file', '-name=y', '--b', '2']
    assert arguments.without(typed, 'name') == ['--a=1', 'file', '--b', '2']
    assert arguments.has(typed, 'name', 'other')
    assert not arguments.has(arguments.without(typed, 'name'), 'name', 'file')


@pytest.mark.parametrize('flag', ['-h', '--help', '--helpfull'])
def test_help_may_be_anywhere(flag):
    assert arguments.wants_help(['--a=1', flag])
    assert not arguments.wants_help(['--a=1', f'{flag}=x'])
