"""Which room may import which: the tables of docs/architecture.md, checked for every module."""

import re

import pytest

from support.checkout import ROOT
from support.imports import ROOMS, circles, imported_modules, imports, modules, scripts

# Room -> the rooms that it may import besides itself.
GROUND = {'common', 'pictures'}
LIBRARY = GROUND | {'nets', 'preprocessing', 'datasets', 'deployment', 'classifiers'}
ALLOWED = {
    'common': set(),
    'pictures': {'common'},
    'nets': GROUND,
    'preprocessing': GROUND,
    'datasets': GROUND,
    'deployment': GROUND,
    'classifiers': GROUND | {'nets', 'preprocessing'},
    'heads': LIBRARY,
    'weights': GROUND | {'nets', 'preprocessing', 'classifiers'},
    'training': LIBRARY | {'heads', 'weights'},
    'serving': LIBRARY | {'heads', 'weights'},
}
# Exceptions: importing module -> what it may import all the same.
EXCEPTIONS = {
    'datasets': ('preprocessing.decoding', 'preprocessing.picture_decoder'),
    'preprocessing.recipe_names': ('nets.model_specs',),
}
# Sub-room -> what it may import of the rest of its room. A room's own modules may import all of
# its sub-rooms.
SUBROOMS = {
    'classifiers.published': (
        'classifiers.build',
        'classifiers.checkpoints',
        'classifiers.model_info',
        'classifiers.restore',
    ),
    'common.imagenet': (),
    'datasets.records': (),
    'datasets.conversion': ('datasets.records',),
    'datasets.known': ('datasets.records', 'datasets.conversion.spec'),
    'datasets.own': ('datasets.conversion.spec',),
    'datasets.samples': ('datasets.records', 'datasets.conversion.spec'),
    'preprocessing.operations': ('preprocessing.arrays', 'preprocessing.decoding'),
    'heads.audit': ('heads.features', 'heads.network_options', 'heads.solver'),
    'heads.limits': ('heads.features', 'heads.network_options', 'heads.solver'),
    'nets.nasnet': (
        'nets.drop_path',
        'nets.layers',
        'nets.model_specs',
        'nets.regularizers',
        'nets.separable',
    ),
    'nets.mobilenet': ('nets.layers', 'nets.model_specs', 'nets.regularizers', 'nets.striding'),
    'weights.layouts': ('weights.sources',),
    'weights.placing': ('weights.layouts', 'weights.sources'),
    'weights.published': ('weights.importing',),
    'weights.readers': ('weights.sources',),
    'weights.verification': ('weights.layouts', 'weights.readers', 'weights.sources'),
    'training.evaluation': (
        'training.data_choice',
        'training.jobs.run_directory',
        'training.options',
        'training.summaries',
    ),
    'training.head_only': (
        'training.data_choice',
        'training.graph',
        'training.inputs',
        'training.saving',
        'training.session',
        'training.summaries',
        'training.validation',
    ),
    'training.jobs': ('training.evaluation.fonts',),
    'serving.graphdef': (),
    'serving.quantization': (),
    'serving.export': (
        'serving.early_checks',
        'serving.graphdef',
        'serving.memory',
        'serving.quantization',
    ),
    'serving.model': ('serving.fairness', 'serving.graphdef', 'serving.memory'),
    'serving.terminal': (
        'serving.csv_rows',
        'serving.early_checks',
        'serving.model',
    ),
    'serving.web': (
        'serving.csv_rows',
        'serving.early_checks',
        'serving.fairness',
        'serving.memory',
        'serving.model',
    ),
}
# Library -> the only modules that may import it.
USERS = {
    'absl.flags': {'common.cli'},
    'flask': {'serving.web.app'},
}
NO_TENSORFLOW = {'common', 'pictures'}


def begins_with(name, prefix):
    return name == prefix or name.startswith(prefix + '.')


def is_exception(module, name):
    return any(
        begins_with(module, importer) and begins_with(name, allowed)
        for importer, several in EXCEPTIONS.items()
        for allowed in several
    )


def subroom_of(module):
    return next((subroom for subroom in SUBROOMS if begins_with(module, subroom)), None)


def leaves_its_subroom(module, name):
    """Return whether `name` is in the same room, but outside what the sub-room may import."""
    subroom = subroom_of(module)
    if subroom is None or name.split('.')[0] != module.split('.')[0]:
        return False
    return not any(begins_with(name, allowed) for allowed in (subroom, *SUBROOMS[subroom]))


def faults(module, names):
    """List what `module` imports against the tables."""
    room = module.split('.')[0]
    for name in names:
        target = name.split('.')[0]
        allowed = target not in ALLOWED or target in ALLOWED[room] | {room}
        if target in scripts():
            yield f'{module} imports the program {target}'
        if not (allowed or is_exception(module, name)) or leaves_its_subroom(module, name):
            yield f'{module} imports {name}'
        if room in NO_TENSORFLOW and target in ('tensorflow', 'tf_slim', 'keras'):
            yield f'{module} imports {name}'
        for library, users in USERS.items():
            if begins_with(name, library) and module not in users:
                yield f'{module} imports {name}'


def documented_rooms():
    """Return {room: the rooms that docs/architecture.md lets it import}."""
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


def documented_subrooms():
    """Return {sub-room: what docs/architecture.md lets it import of the rest of its room}."""
    page = (ROOT / 'docs' / 'architecture.md').read_text(encoding='utf-8')
    rows = re.findall(r'^\| `(\w+/\w+)` \|.*\| (.*) \|$', page, re.MULTILINE)
    return {
        subroom.replace('/', '.'): {name.replace('/', '.') for name in re.findall(r'`(.+?)`', cell)}
        for subroom, cell in rows
    }


def test_the_documentation_has_the_same_tables():
    assert documented_rooms() == {room: rooms - GROUND for room, rooms in ALLOWED.items()}
    assert documented_subrooms() == {name: set(allowed) for name, allowed in SUBROOMS.items()}


def test_every_room_and_sub_room_is_in_a_table():
    assert set(ROOMS) == set(ALLOWED)
    packages = {name for name, path in modules().items() if path.name == '__init__.py'}
    assert {name for name in packages if name.count('.') == 1} == set(SUBROOMS)


@pytest.mark.parametrize('module', list(modules()))
def test_every_module_keeps_to_the_tables(module):
    assert list(faults(module, imports(module))) == []


def test_no_modules_import_each_other():
    assert circles({module: imported_modules(module) for module in modules()}) == set()


def test_a_circle_is_found():
    graph = {'a': {'b'}, 'b': {'c'}, 'c': {'a'}, 'd': {'a'}, 'e': {'e'}, 'f': set()}
    assert circles(graph) == {frozenset('abc'), frozenset('e')}


@pytest.mark.parametrize(
    ('module', 'name'),
    [
        ('common.files', 'tensorflow'),
        ('common.files', 'nets.layers'),
        ('nets.vgg', 'datasets.records.manifest'),
        ('pictures.gate', 'preprocessing.vgg_preprocessing'),
        ('pictures.gate', 'tensorflow'),
        ('preprocessing.preprocessing_factory', 'nets.nets_factory'),
        ('training.train', 'serving.export.export'),
        ('serving.web.app', 'training.train'),
        ('training.train', 'absl.flags'),
        ('serving.model.predictor', 'flask.Flask'),
        ('classifiers.build', 'datasets.sources'),
        ('datasets.known.idx', 'datasets.conversion.convert'),
        ('datasets.known.idx', 'datasets.own.image_folder'),
        ('datasets.records.record_parser', 'datasets.dataset_factory'),
        ('serving.terminal.classify', 'serving.web.answers'),
        ('training.jobs.sweep', 'training.train'),
    ],
)
def test_a_forbidden_import_is_found(module, name):
    assert list(faults(module, [name])) == [f'{module} imports {name}']


@pytest.mark.parametrize(
    ('module', 'name'),
    [
        ('datasets.records.record_parser', 'preprocessing.decoding.decode'),
        ('datasets.known.idx', 'datasets.conversion.spec.DatasetSpec'),
        ('datasets.sources', 'datasets.conversion.convert'),
        ('preprocessing.recipe_names', 'nets.model_specs'),
        ('common.cli', 'absl.flags'),
        ('serving.web.app', 'flask.Flask'),
        ('serving.web.page.page_content', 'serving.web.answers'),
        ('training.train', 'absl.logging'),
    ],
)
def test_an_allowed_import_passes(module, name):
    assert list(faults(module, [name])) == []
