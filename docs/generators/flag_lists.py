"""Write the lists of flags at the end of the pages in docs/, from the programs' options.

    python docs/generators/flag_lists.py

Run it after a change of an option. A page's list is between the two marks below; a page without
them gets a list at its end.
"""

import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from common.options import OLDER_NAMES, SWITCHED_COUNT, ProgramOptions, flags, older_flags

ROOT = Path(__file__).resolve().parents[2]

_BEGIN = '<!-- The list of flags: written by docs/generators/flag_lists.py. -->'
_END = '<!-- End of the list of flags. -->'
_COLUMNS = '| flag | default | valid values | meaning |\n|---|---|---|---|'
_OLDER_COLUMNS = '| flag | meaning |\n|---|---|'
_KINDS = {
    'boolean': '',  # The flag's name says so.
    'float': 'a number',
    'integer': 'a whole number',
    'list': 'names, comma-separated',
    'path': 'a path',
    'paths': 'a path',
    'texts': 'a text; may be given several times',
    'string': '',
    SWITCHED_COUNT: 'a whole number',
}


def options_class(program):
    """Return the options class of a program in the root folder, or None if it has none."""
    values = runpy.run_path(str(ROOT / program)).values()
    classes = [value for value in values if isinstance(value, type)]
    found = [each for each in classes if issubclass(each, ProgramOptions)]
    return next((each for each in found if each is not ProgramOptions), None)


def programs_by_page():
    """Return {page: {program: its options class}}."""
    pages = {}
    for path in sorted(ROOT.glob('*.py')):
        found = options_class(path.name) if path.name != 'setup.py' else None
        if found:
            pages.setdefault(found.page, {})[path.name] = found
    return pages


def flag_list(programs):
    """Return the list of the flags of some programs, in Markdown."""
    lines = [_BEGIN, '', '## All flags']
    for program, options in programs.items():
        lines += ['', f'`python {program} --helpfull` prints this list.']
        groups = {}
        for flag in flags(options):
            groups.setdefault(flag.group, []).append(_row(flag))
        for group, rows in groups.items():
            lines += ['', f'**{group}**', '', _COLUMNS, *rows]
        older = [f'| `--{flag.name}` | {_cell(flag.help)} |' for flag in older_flags(options)]
        if older:
            lines += ['', f'**{OLDER_NAMES}**', '', _OLDER_COLUMNS, *older]
    return '\n'.join([*lines, '', _END])


def _row(flag):
    switch = '[no]' if flag.kind in ('boolean', SWITCHED_COUNT) else ''
    name = f'--{switch}{flag.name}{"[=N]" if flag.kind == SWITCHED_COUNT else ""}'
    default = flag.default if flag.shown is None else flag.shown
    is_shown = default is not False and default not in (None, '', ())
    cells = [f'`{name}`', f'`{default}`' if is_shown else '', _valid(flag), _cell(flag.help)]
    return f'| {" | ".join(cells)} |'


def _valid(flag):
    described = flag.check.describe() if flag.check else ''
    return ', '.join(filter(None, (_KINDS[flag.kind], described)))


def _cell(text):
    return text.replace('|', r'\|')


def updated(page, programs):
    """Return the text of a page with the current list of flags."""
    before, _, rest = page.partition(_BEGIN)
    after = rest.partition(_END)[2]
    return f'{before.rstrip()}\n\n{flag_list(programs)}\n{after.lstrip()}'


def main():
    """Update every page."""
    for page, programs in programs_by_page().items():
        path = ROOT / page
        path.write_text(updated(path.read_text(encoding='utf-8'), programs), encoding='utf-8')


if __name__ == '__main__':
    main()
