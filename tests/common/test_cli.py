"""Command lines of all programs: flags from options, help by purpose, mistakes in one line."""

import dataclasses
import subprocess
import sys

import pytest
from absl import flags as absl_flags

from common import cli
from common.checks import OneOf, Range
from common.errors import UserError
from common.options import (
    Dead,
    Ignored,
    ProgramOptions,
    SwitchedCount,
    flags,
    older_flags,
    option,
    positional,
)
from support.checkout import ROOT

WHAT, HOW = 'What to do', 'How to do it'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Example(ProgramOptions):
    page = 'docs/it.md'
    most_used = ('path', 'quickly')
    unused = (
        Dead('quantize', False, 'nothing here can do that'),
        Ignored('queue_factor', 16, 'there is no queue'),
    )

    path: str | None = option(WHAT, None, 'Where it is.', is_path=True, older=('old_path',))
    names: tuple[str, ...] = option(WHAT, (), 'Names, with commas.', older=('old_names',))
    folders: tuple[str, ...] = option(WHAT, (), 'Where they are.', is_path=True)
    rules: tuple[str, ...] = option(HOW, (), 'What to do.', is_repeated=True)
    count: int = option(
        WHAT, 3, 'How many there are, which takes more words than one line has room for.'
    )
    quickly: bool = option(HOW, False, 'At once.')
    share: float = option(HOW, 0.5, 'Of all.')
    colour: str = option(HOW, 'red', 'How it is painted.', OneOf(('red', 'blue')))
    repeats: SwitchedCount | None = option(HOW, None, 'How often.', Range(low=0))
    # What a model.json may know better.
    size: int | None = option(HOW, None, 'The size.', shown=0)

    def remarks(self, given):
        if 'share' in given and not self.quickly:
            yield '--share has no effect without --quickly'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pictures(ProgramOptions):
    count: int = option(WHAT, 3, 'How many.')
    paths: tuple[str, ...] = positional('PICTURE', older=('image',))


def read(*arguments):
    return cli.read(Example, arguments)


def shown(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        read(*arguments)
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
        '  --names, --folders, --count',
        '',
        'How to do it:',
        '  --rules, --share, --colour, --[no]repeats[=N], --size',
        '',
        'Messages:',
        '  --[no]verbose',
        '',
        '--helpfull explains every flag; see also docs/it.md.',
    ]
    assert text.splitlines()[-len(expected) :] == expected


def test_a_path_may_begin_in_the_home_directory(monkeypatch):
    monkeypatch.setenv('HOME', '/home/me')
    assert read('--path=~/a~b').path == '/home/me/a~b'
    assert read('--path=./~').path == './~'
    assert read('--old_path=~/a').path == '/home/me/a'
    assert read('--names=~/a').names == ('~/a',)


def test_full_help_explains_all_and_older_names_come_after_ours(capsys):
    text = shown(capsys, '--helpfull')
    at = [text.index(f'{heading}:\n') for heading in (WHAT, HOW, 'Names of older tools')]
    assert at == sorted(at)
    assert '  --[no]quickly             At once.\n' in text
    assert 'How it is painted. One of: red, blue. (default: red)' in text
    assert 'The size. (default: 0)' in text
    assert '  --folders                 Where they are.\n' in text


@pytest.mark.parametrize('width', [40, 60, 80, 100])
def test_explanations_wrap_at_the_width(width):
    flag_values = absl_flags.FlagValues()
    cli.define(flags(Example) + older_flags(Example), flag_values)
    lines = cli.full_help(flag_values, Example, width).splitlines()
    assert max(map(len, lines)) <= width
    joined = ' '.join(' '.join(lines).split())
    assert 'which takes more words than one line has room for. (default: 3)' in joined


def test_a_reader_that_goes_away_is_no_traceback():
    program = (
        'import dataclasses\n'
        'from common import cli, options\n'
        'flags = [(f"f{n}", str, options.option("Group", "", "x" * 90)) for n in range(999)]\n'
        'bases = (options.ProgramOptions,)\n'
        'how = {"frozen": True, "kw_only": True, "bases": bases}\n'
        'cli.run(dataclasses.make_dataclass("Example", flags, **how), print)\n'
    )
    command = f'"{sys.executable}" -c \'{program}\' --helpfull | head -n 1'

    done = subprocess.run(['bash', '-c', command], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ''


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--cuont=3'], "Unknown command line flag 'cuont'. Did you mean: count ?"),
        (['--count=many: 3'], '--count=many: 3: must be a whole number'),
        (['--count='], '--count=: must be a whole number'),
        (['--share=half'], '--share=half: must be a number'),
        (['--quickly=maybe'], '--quickly=maybe: must be True or False'),
        (['--noquickly=maybe'], '--noquickly=maybe does not take an argument'),
        (['--repeats=often'], '--repeats=often: must be a whole number'),
        (['--repeats=-1'], '--repeats=-1: must be at least 0'),
        (['--norepeats=2'], '--norepeats=2 does not take an argument'),
        (['--repeats', '2'], "unexpected argument '2': every option is --name=value"),
        (['--colour=green'], "--colour=green: unknown colour 'green'; known, nearest first: red"),
        (['--flagfile=/no/such'], 'Unable to open flagfile: [Errno 2] No such file or directory'),
        (['stray'], "unexpected argument 'stray': every option is --name=value"),
    ],
)
def test_a_mistake_is_one_line(arguments, message):
    with pytest.raises(UserError) as caught:
        read(*arguments)
    assert str(caught.value).startswith(message)
    assert '\n' not in str(caught.value)


def test_names_are_left_to_a_program_that_takes_them():
    arguments = ['one.jpg', '--count=4', 'two.jpg', '--image=~', '--', '--three.jpg']
    read = cli.read(Pictures, arguments)
    assert read.count == 4
    assert [path.rpartition('/')[2] for path in read.paths[1:]] == [
        'one.jpg',
        'two.jpg',
        '--three.jpg',
    ]
    assert read.paths[0] != '~'


def test_a_program_may_limit_how_many_names_it_takes():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class One(ProgramOptions):
        names: tuple[str, ...] = positional('NAME', most=1)

    assert cli.read(One, []).names == ()
    assert cli.read(One, ['a']).names == ('a',)
    with pytest.raises(UserError, match=r"^unexpected argument 'b'"):
        cli.read(One, ['a', 'b'])


def test_what_cannot_be_done_is_refused_unless_it_is_the_default():
    assert read('--noquantize') == Example()
    with pytest.raises(UserError, match=r'^--quantize=True: nothing here can do that; leave'):
        read('--quantize')


@pytest.mark.parametrize(
    ('arguments', 'notices'),
    [
        ([], ()),
        (['--queue_factor=1'], ('--queue_factor has no effect: there is no queue',)),
        (['--share=0.5'], ('--share has no effect without --quickly',)),
        (['--share=0.5', '--quickly'], ()),
        (['--old_names=a,b'], ('--old_names is understood as --names=a,b',)),
    ],
)
def test_what_has_no_effect_is_mentioned_if_it_is_given(arguments, notices):
    assert read(*arguments).notices == notices


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
    assert read(*arguments).path == meant


def test_two_names_that_contradict_each_other_are_refused():
    with pytest.raises(UserError, match=r'^--names=a,b and --old_names=c contradict each other'):
        read('--names=a,b', '--old_names=c')


def test_a_list_is_a_tuple_without_spaces_and_empty_names():
    assert read('--names= a, b,,').names == ('a', 'b')
    assert read('--names=').names == ()


def test_a_flag_of_several_paths_is_given_once_for_each(monkeypatch):
    monkeypatch.setenv('HOME', '/home/me')
    assert read().folders == ()
    typed = '--folders=a, b', '--folders=', '--folders=~/c', '--folders', 'a/'
    assert read(*typed).folders == ('a, b', '/home/me/c', 'a/')


def test_a_flag_of_several_texts_keeps_their_commas():
    assert read().rules == ()
    assert read('--rules=a{1,2}: b', '--rules', 'c,d').rules == ('a{1,2}: b', 'c,d')


@pytest.mark.parametrize(
    ('arguments', 'count'),
    [
        ([], None),
        (['--repeats'], 1),
        (['--repeats=3'], 3),
        (['--norepeats'], 0),
        (['--repeats=3', '--norepeats'], 0),
        (['--norepeats', '--repeats=True'], 1),
        (['--repeats=false'], 0),
    ],
)
def test_a_counted_switch_is_a_number_or_on_or_off(arguments, count):
    assert read(*arguments).repeats == count


def test_a_default_that_only_help_shows_counts_if_it_is_given():
    assert read().size is None
    assert read('--size=0').size == 0


def test_mistakes_on_disk_are_found_before_the_program_starts():
    program = (
        'import dataclasses\n'
        'from common import cli, errors, options\n'
        '@dataclasses.dataclass(frozen=True, kw_only=True)\n'
        'class Example(options.ProgramOptions):\n'
        '    def check_files(self):\n'
        '        raise errors.UserError("x: no such file")\n'
        'cli.run(Example, print)\n'
    )
    done = subprocess.run([sys.executable, '-c', program], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, '', 'error: x: no such file\n')
