"""Command lines of all programs: flags from tables, help by purpose, mistakes in one line."""

import dataclasses
import subprocess
import sys

import pytest
from absl import flags as absl_flags

from common import cli
from common.errors import UserError
from support.checkout import ROOT

DEAD = cli.Dead('quantize', False, 'nothing here can do that')
IGNORED = cli.Ignored('queue_factor', 16, 'there is no queue')
GROUPS = {
    cli.OLDER_NAMES: (
        ('string', 'old_path', None, 'The same as --path.'),
        ('list', 'old_names', [], 'The same as --names.'),
        *cli.without_effect((DEAD, IGNORED)),
    ),
    'What to do': (
        ('path', 'path', None, 'Where it is.'),
        ('list', 'names', [], 'Which, with commas between.'),
        ('integer', 'count', 3, 'How many there are, which takes more words than one line has.'),
    ),
    'How to do it': (
        ('boolean', 'quickly', False, 'At once.'),
        ('float', 'share', 0.5, 'Of all.'),
        (['red', 'blue'], 'colour', 'red', 'how it is painted.'),
    ),
}


@dataclasses.dataclass
class Options:
    path: str | None = None
    count: int = 0
    unknown_to_flags: str = 'kept'


def defined():
    flag_values = absl_flags.FlagValues()
    cli.define(GROUPS, flag_values)
    return flag_values


def parsed(*arguments, **how):
    flag_values = defined()
    cli.parse(['program', *arguments], flag_values, **how)
    return flag_values


def shown(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        parsed(*arguments, most_used=('path', 'quickly'), page='docs/it.md')
    assert caught.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize('how', ['--help', '-h', '-help', '-?', '--helpshort', '--help=true'])
def test_short_help_explains_what_is_most_used_and_names_the_rest(how, capsys):
    text = shown(capsys, '--no_such_flag', how)
    expected = [
        'Most used:',
        '  --path                    Where it is.',
        '  --[no]quickly             At once.',
        '',
        'What to do:',
        '  --names, --count',
        '',
        'How to do it:',
        '  --share, --colour',
        '',
        '--helpfull explains every flag; docs/it.md tells more.',
    ]
    assert text.splitlines()[-len(expected) :] == expected


def test_a_path_may_begin_in_the_home_directory(monkeypatch):
    monkeypatch.setenv('HOME', '/home/me')
    assert parsed('--path=~/a~b').path == '/home/me/a~b'
    assert parsed('--path=./~').path == './~'
    assert parsed('--old_path=~/a').old_path == '~/a'


def test_full_help_explains_all_and_older_names_come_after_ours(capsys):
    text = shown(capsys, '--helpfull')
    at = [text.index(heading) for heading in ('What to do:', 'How to do it:', 'Names of older')]
    assert at == sorted(at)
    assert '  --[no]quickly             At once.\n' in text
    assert '<red|blue>: how it is painted. (default: red)' in text


@pytest.mark.parametrize('width', [40, 60, 80, 100])
def test_explanations_wrap_at_the_width(width):
    lines = cli.full_help(defined(), width).splitlines()
    assert max(map(len, lines)) <= width
    joined = ' '.join(' '.join(lines).split())
    assert 'which takes more words than one line has. (default: 3)' in joined


def test_a_reader_that_goes_away_is_no_traceback():
    program = (
        'from common import cli\n'
        'cli.define({"Group": tuple(("string", f"f{n}", None, "x" * 90) for n in range(999))})\n'
        'cli.run(print, most_used=(), page="docs")\n'
    )
    command = f'"{sys.executable}" -c \'{program}\' --helpfull | head -n 1'

    done = subprocess.run(['bash', '-c', command], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ''


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--cuont=3'], "Unknown command line flag 'cuont'. Did you mean: count ?"),
        (['--count=many: 3'], '--count=many: 3: has to be a whole number'),
        (['--count='], '--count=: has to be a whole number'),
        (['--share=half'], '--share=half: has to be a number'),
        (['--quickly=maybe'], '--quickly=maybe: has to be True or False'),
        (['--noquickly=maybe'], '--noquickly=maybe does not take an argument'),
        (['--colour=green'], '--colour=green: value should be one of <red|blue>'),
        (['stray'], "unexpected argument 'stray': every option is --name=value"),
    ],
)
def test_a_mistake_is_one_line(arguments, message):
    with pytest.raises(UserError) as caught:
        parsed(*arguments)
    assert str(caught.value).startswith(message)
    assert '\n' not in str(caught.value)


def test_names_are_left_to_a_program_that_takes_them():
    flag_values = defined()
    arguments = ['program', 'one.jpg', '--count=4', 'two.jpg']
    assert cli.parse(arguments, flag_values, takes_names=True) == ['program', 'one.jpg', 'two.jpg']
    assert flag_values.count == 4


def test_what_cannot_be_done_is_refused_unless_it_is_the_default():
    cli.refuse_dead([DEAD], parsed('--noquantize'))
    with pytest.raises(UserError, match=r'^--quantize=True: nothing here can do that; leave'):
        cli.refuse_dead([DEAD], parsed('--quantize'))


def test_what_has_no_effect_is_mentioned_when_it_is_typed():
    assert cli.mention_ignored([IGNORED], parsed()) == []
    typed = parsed('--queue_factor=1')
    assert cli.mention_ignored([IGNORED], typed) == [
        '--queue_factor has no effect: there is no queue'
    ]


@pytest.mark.parametrize(
    ('arguments', 'meant'),
    [
        ([], None),
        (['--path=a'], 'a'),
        (['--old_path=a'], 'a'),
        (['--path=a', '--old_path=a'], 'a'),
    ],
)
def test_an_older_name_stands_for_the_flag(arguments, meant):
    assert cli.either('path', 'old_path', flag_values=parsed(*arguments)) == meant


def test_two_names_that_contradict_each_other_are_refused():
    flag_values = parsed('--names=a,b', '--old_names=c')
    with pytest.raises(UserError, match=r'^--names=a,b and --old_names=c contradict each other'):
        cli.either('names', 'old_names', flag_values=flag_values)


def test_a_dataclass_is_filled_from_the_flags_of_its_fields_names():
    assert cli.filled(Options, parsed('--path=a')) == Options('a', 3, 'kept')
    assert cli.filled(Options, parsed('--path=a'), path='b').path == 'b'
