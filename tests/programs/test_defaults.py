"""The default of a flag is written once: where its option is declared."""

import ast
import collections
import itertools

import pytest

from support.checkout import ROOT

# The functions of nets, preprocessing and deployment are TF-Slim's, with TF-Slim's defaults.
ROOMS = ('classifiers', 'common', 'datasets', 'heads', 'pictures', 'scripts', 'serving', 'training')
# These values mean off, empty or one, and do not count as repeated.
NEUTRAL = {repr(value) for value in (None, False, True, '', (), 0, 0.0, 1, 1.0)}


def defaults(source):
    """Yield (whether it is an option's, name, default) for each default in a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call):
            yield from option_defaults(node)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield False, node.target.id, ast.unparse(node.value)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            names = [argument.arg for argument in node.args.posonlyargs + node.args.args]
            last = len(names) - len(node.args.defaults)
            found = [*zip(names[last:], node.args.defaults, strict=True)]
            for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
                found += [(argument.arg, default)] if default else []
            yield from ((False, name, ast.unparse(default)) for name, default in found)


def option_defaults(node):
    """Yield the defaults of a field that is declared by `option(group, default, help, ...)`."""
    if getattr(node.value.func, 'id', None) != 'option':
        return
    more = {keyword.arg: keyword.value for keyword in node.value.keywords}
    name = ast.literal_eval(more['name']) if 'name' in more else node.target.id
    for default in (node.value.args[1], more.get('shown')):
        if default is not None:
            yield True, name, ast.unparse(default)


def written_twice(sources):
    """Return {(name, default): places} of the options' defaults that have more than one place."""
    declared, places = set(), collections.defaultdict(list)
    for place, source in sources.items():
        for is_option, name, default in defaults(source):
            if default not in NEUTRAL:
                places[name, default].append(place)
                declared |= {(name, default)} if is_option else set()
    return {key: places[key] for key in sorted(declared) if len(places[key]) > 1}


def test_no_default_of_an_option_is_written_twice():
    paths = itertools.chain(ROOT.glob('*.py'), *((ROOT / room).rglob('*.py') for room in ROOMS))
    sources = {str(path.relative_to(ROOT)): path.read_text(encoding='utf-8') for path in paths}
    assert len(sources) > 100
    assert written_twice(sources) == {}


@pytest.mark.parametrize(
    'other',
    [
        'def f(rows=7): ...',
        'def f(*, rows=7): ...',
        'class Other:\n    rows: int = 7',
        "class Other:\n    lines: int = option('Group', 7, 'How many.', name='rows')",
        "class Other:\n    rows: int = option('Group', None, 'How many.', shown=7)",
    ],
)
def test_a_default_that_is_written_twice_is_found(other):
    sources = {'a': "class Some:\n    rows: int = option('Group', 7, 'How many.')", 'b': other}
    assert written_twice(sources) == {('rows', '7'): ['a', 'b']}
    assert written_twice({**sources, 'b': other.replace('7', '8')}) == {}
