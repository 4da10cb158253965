"""Which room may import which: the table of docs/architecture.md, walked over every module."""

import ast
import re

import pytest

from support.checkout import ROOT

# Room -> the rooms that it may import besides itself.
GROUND = {'common', 'pictures'}
ALLOWED = {
    'common': set(),
    'pictures': {'common'},
    'nets': GROUND,
    'preprocessing': GROUND,
    'datasets': GROUND,
    'deployment': GROUND,
    'classifiers': GROUND | {'nets', 'preprocessing'},
    'training': GROUND | {'nets', 'preprocessing', 'datasets', 'deployment', 'classifiers'},
    'serving': GROUND | {'nets', 'preprocessing', 'datasets', 'deployment', 'classifiers'},
}
# The two lines that cross the ground rooms: importing module -> what it may import.
CROSSINGS = {
    'datasets': ('preprocessing.decoding', 'preprocessing.picture_decoder'),
    'preprocessing.preprocessing_factory': ('nets.nets_factory',),
}
# Libraries with one door: top-level name -> the modules that may import it.
DOORS = {
    'absl.flags': {'common.cli', 'training.cli'},
    'flask': {'serving.web.app'},
}
NO_TENSORFLOW = {'common', 'pictures'}


def modules():
    for room in ALLOWED:
        for path in sorted((ROOT / room).rglob('*.py')):
            yield '.'.join(path.relative_to(ROOT).with_suffix('').parts)


def scripts():
    return {path.stem for path in ROOT.glob('*.py')}


def imports(module):
    """List every name that `module` imports, `from a import b` as 'a.b'."""
    path = ROOT.joinpath(*module.split('.')).with_suffix('.py')
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{module}: relative imports hide which room is meant'
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


def begins_with(name, prefix):
    return name == prefix or name.startswith(prefix + '.')


def crosses(module, name):
    return any(
        begins_with(module, importer) and begins_with(name, imported)
        for importer, several in CROSSINGS.items()
        for imported in several
    )


def faults(module, names):
    """List what in `names` the room of `module` may not import."""
    room = module.split('.')[0]
    for name in names:
        target = name.split('.')[0]
        if target in scripts():
            yield f'{module} imports the script {target}'
        if target in ALLOWED and target not in ALLOWED[room] | {room} and not crosses(module, name):
            yield f'{module} imports {name}'
        if room in NO_TENSORFLOW and target in ('tensorflow', 'tf_slim', 'keras'):
            yield f'{module} imports {name}'
        for library, doors in DOORS.items():
            if begins_with(name, library) and module not in doors:
                yield f'{module} imports {name}'


def told():
    """Return {room: the rooms that the page lets it import whole}."""
    page = (ROOT / 'docs' / 'architecture.md').read_text(encoding='utf-8')
    found = {}
    for room, cell in re.findall(r'^\| `(\w+)` \|.*\| (.*) \|$', page, re.MULTILINE):
        other = re.fullmatch(r'what `(\w+)` may', cell)
        if other:
            found[room] = found[other[1]]
        elif cell == 'all of the above':
            found[room] = set(found) - GROUND
        else:
            found[room] = ALLOWED.keys() & set(re.findall(r'`(\w+)`', cell)) - GROUND
    return found


def test_the_page_tells_the_same():
    assert told() == {room: rooms - GROUND for room, rooms in ALLOWED.items()}


@pytest.mark.parametrize('module', list(modules()))
def test_every_module_stays_within_its_lines(module):
    assert list(faults(module, imports(module))) == []


@pytest.mark.parametrize(
    ('module', 'name'),
    [
        ('common.files', 'tensorflow'),
        ('common.files', 'nets.layers'),
        ('nets.vgg', 'datasets.records.manifest'),
        ('pictures.gate', 'preprocessing.vgg_preprocessing'),
        ('preprocessing.decoding', 'nets.nets_factory'),
        ('training.train', 'serving.export.export'),
        ('serving.web.app', 'training.train'),
        ('training.train', 'absl.flags'),
        ('serving.model.predictor', 'flask.Flask'),
        ('classifiers.build', 'datasets.sources'),
    ],
)
def test_a_crossed_line_is_found(module, name):
    assert list(faults(module, [name])) == [f'{module} imports {name}']


@pytest.mark.parametrize(
    ('module', 'name'),
    [
        ('datasets.records.reader', 'preprocessing.decoding.decode'),
        ('preprocessing.preprocessing_factory', 'nets.nets_factory'),
        ('training.cli', 'absl.flags'),
        ('common.cli', 'absl.flags'),
        ('serving.web.app', 'flask.Flask'),
        ('training.train', 'absl.logging'),
    ],
)
def test_what_is_allowed_passes(module, name):
    assert list(faults(module, [name])) == []
