"""Show progress: a bar in a terminal, and a plain line every ten seconds elsewhere."""

import shutil
import sys
import time

_BAR_INTERVAL = 0.1
_LINE_INTERVAL = 10.0
_SCALES = (('G', 1e9), ('M', 1e6), ('k', 1e3))


class Progress:
    """Count up to `total` (None if unknown) inside a `with` block.

    With the unit `B`, bytes are counted and printed in kB, MB and GB.
    """

    def __init__(self, total, label, unit='items', stream=None, clock=time.monotonic):
        self._total = total
        self._label = label
        self._unit = unit
        self._stream = stream or sys.stderr
        self._clock = clock
        self._is_terminal = self._stream.isatty()
        self._interval = _BAR_INTERVAL if self._is_terminal else _LINE_INTERVAL
        self._done = self._first = 0

    def __enter__(self):
        self._start = self._shown = self._clock()
        return self

    def __exit__(self, error, *_):
        if error is None:
            self._show('')
        if self._is_terminal:
            print(file=self._stream)

    def start_at(self, done):
        """Begin the count at `done`, the result of an earlier run; the rate leaves it out."""
        self._done = self._first = done

    def advance(self, count=1, note=''):
        """Add `count`, and update the display if it is old enough."""
        self._done += count
        now = self._clock()
        if now - self._shown >= self._interval:
            self._shown = now
            self._show(note)

    def clear_line(self):
        """Remove the bar from the terminal, so that another line can take its place."""
        if self._is_terminal:
            self._stream.write('\r\x1b[K')
            self._stream.flush()

    def _show(self, note):
        line = f'{self._label}: {self._counts()}{f"  {note}" if note else ""}'
        if self._is_terminal:
            width = shutil.get_terminal_size().columns
            line = f'\r{(line + self._bar(width - len(line) - 3))[: width - 1]}\x1b[K'
            self._stream.write(line)
        else:
            self._stream.write(line + '\n')
        self._stream.flush()

    def _counts(self):
        elapsed = max(self._clock() - self._start, 1e-9)
        rate = (self._done - self._first) / elapsed
        text = self._amount(self._done)
        if self._total:
            text += f' of {self._amount(self._total)} ({100 * self._done / self._total:.0f}%)'
        text += f'{self._noun()}, {self._amount(rate)}/s'
        if self._total and rate > 0 and self._done < self._total:
            text += f', {duration((self._total - self._done) / rate)} left'
        return text

    def _noun(self):
        return '' if self._unit == 'B' else f' {self._unit}'

    def _amount(self, count):
        if self._unit != 'B':
            return f'{count:,.0f}'
        for prefix, scale in _SCALES:
            if count >= scale:
                return f'{count / scale:.1f} {prefix}B'
        return f'{count:.0f} B'

    def _bar(self, room):
        if not self._total or room < 10:
            return ''
        filled = round(room * min(self._done / self._total, 1.0))
        return f' [{"#" * filled}{"." * (room - filled)}]'


def duration(seconds):
    """Return a time as minutes and seconds, or as hours, minutes and seconds."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02d}:{seconds:02d}' if hours else f'{minutes}:{seconds:02d}'
