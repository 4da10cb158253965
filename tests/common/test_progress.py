import io

import pytest

from common.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    """A clock that moves when told to."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_without_a_terminal_it_prints_few_plain_lines(clock):
    stream = io.StringIO()
    with Progress(100, 'converting', 'pictures', stream, clock) as progress:
        for _ in range(100):
            clock.now += 0.25
            progress.advance()
    lines = stream.getvalue().splitlines()
    assert lines == [
        'converting: 40 of 100 (40%) pictures, 4/s, 0:15 left',
        'converting: 80 of 100 (80%) pictures, 4/s, 0:05 left',
        'converting: 100 of 100 (100%) pictures, 4/s',
    ]


def test_a_terminal_gets_one_line_that_is_drawn_over(clock, monkeypatch):
    monkeypatch.setenv('COLUMNS', '70')
    stream = Terminal()
    with Progress(4, 'reading', 'files', stream, clock) as progress:
        for _ in range(4):
            clock.now += 1
            progress.advance()
    drawn = stream.getvalue()
    assert drawn.count('\n') == 1
    assert drawn.count('\r') == 5
    last = drawn.split('\r')[-1]
    assert '4 of 4 (100%) files' in last
    assert '####' in last
    assert all(len(part.removesuffix('\x1b[K')) < 70 for part in drawn.rstrip().split('\r'))


@pytest.mark.parametrize(('kind', 'cleared'), [(Terminal, '\r\x1b[K'), (io.StringIO, '')])
def test_a_bar_is_cleared_for_another_line(clock, kind, cleared):
    stream = kind()
    with Progress(4, 'reading', 'files', stream, clock) as progress:
        clock.now += 20
        progress.advance()
        before = stream.getvalue()
        progress.clear_line()
        assert stream.getvalue() == before + cleared


def test_bytes_are_scaled_and_a_resumed_part_does_not_count_as_speed(clock):
    stream = io.StringIO()
    with Progress(3_000_000, 'photos.tgz', 'B', stream, clock) as progress:
        progress.start_at(1_000_000)
        clock.now += 20
        progress.advance(500_000)
    assert stream.getvalue().splitlines()[0] == (
        'photos.tgz: 1.5 MB of 3.0 MB (50%), 25.0 kB/s, 1:00 left'
    )


def test_an_unknown_total_and_a_note(clock):
    stream = io.StringIO()
    with Progress(None, 'scanning', 'records', stream, clock) as progress:
        clock.now += 10
        progress.advance(50, note='shard 3')
    assert stream.getvalue().splitlines()[0] == 'scanning: 50 records, 5/s  shard 3'


def test_an_error_passes_without_a_last_line(clock):
    stream = io.StringIO()
    with pytest.raises(ZeroDivisionError), Progress(1, 'x', 'y', stream, clock):
        raise ZeroDivisionError
    assert stream.getvalue() == ''
