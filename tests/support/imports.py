"""The modules of this project and what each of them imports, read from the source."""

import ast
import functools

from support.checkout import ROOT

ROOMS = (
    'common',
    'pictures',
    'nets',
    'preprocessing',
    'datasets',
    'deployment',
    'classifiers',
    'heads',
    'weights',
    'training',
    'serving',
)


def scripts():
    """Return the names of the programs."""
    return {path.stem for path in ROOT.glob('*.py')}


@functools.cache
def modules():
    """Return {module: its file} of all rooms; a package has the name of its directory."""
    paths = sorted(path for room in ROOMS for path in (ROOT / room).rglob('*.py'))
    names = ('.'.join(path.relative_to(ROOT).with_suffix('').parts) for path in paths)
    return dict(zip((name.removesuffix('.__init__') for name in names), paths, strict=True))


@functools.cache
def imports(module):
    """Return every name that `module` imports, inside functions too; `from a import b` is 'a.b'."""
    names = []
    for node in ast.walk(ast.parse(modules()[module].read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{module}: a relative import hides the room'
            names += [f'{node.module}.{alias.name}' for alias in node.names]
    return tuple(names)


def imported_modules(module):
    """Return the modules of this project that `module` imports."""
    found = set()
    for name in imports(module):
        while name and name not in modules():
            name = name.rpartition('.')[0]
        found.add(name)
    return found - {'', module}


def circles(graph):
    """Return the groups of modules of {module: modules it imports} that import each other."""
    reachable = {module: _reachable(module, graph) for module in graph}
    groups = {
        frozenset(other for other in reachable[module] if module in reachable[other])
        for module in graph
    }
    return {group for group in groups if group}


def _reachable(module, graph):
    found, waiting = set(), [module]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found
