"""All layouts, and which of them a file has."""

import dataclasses
import importlib
import os
import pkgutil
import re

from classifiers import mismatches
from common import checks, text
from common.errors import UserError
from nets import model_specs

_MOST_NAMED = 5


def layouts():
    """List the layouts of all modules of this package."""
    return [layout for module in _modules() for layout in getattr(module, 'LAYOUTS', ())]


def different():
    """List the networks that differ from those here, of all modules of this package."""
    return [row for module in _modules() for row in getattr(module, 'DIFFERENT', ())]


def _modules():
    folder = os.path.dirname(__file__)
    names = sorted(module.name for module in pkgutil.iter_modules([folder]))
    return [importlib.import_module(f'weights.layouts.{name}') for name in names]


def find(source, model_name=None, known=None):
    """Return (Layout of a file, name of the network here); without a `model_name` also choose it.

    A file that fits another network, several networks or none is a UserError.
    """
    if model_name is not None and model_name not in model_specs.MODELS:
        unknown = checks.unknown('network', model_name, model_specs.MODELS)
        raise UserError(f'--model_name={model_name}: {unknown}')
    known = layouts() if known is None else known
    fitting = [each for each in known if each.kind == source.kind and each.fits(source)]
    found = [(layout, name) for layout in fitting for name in layout.networks]
    if model_name is not None:
        named = [(layout, name) for layout, name in found if name == model_name]
        if named:
            return named[0]
        raise UserError(_about_another(source, model_name, found, known))
    complete = [each for each in found if _is_complete(source, *each)]
    networks = list(dict.fromkeys(name for _, name in complete or found))
    if len(networks) > 1:
        notes = _notes(layout for layout, _ in complete or found)
        raise UserError(
            f'{source.path}: may be of {text.listed(networks)}: pass --model_name to say which'
            + notes
        )
    if not networks:
        raise UserError(_about_nothing(source, None, known))
    return next(each for each in complete or found if each[1] == networks[0])


def _is_complete(source, layout, network):
    """Return whether a file has a tensor in each module of a layout."""
    try:
        layers = layout.layers(network, source)
    except (UserError, KeyError):
        return False
    pairs = [pair for layer in layers for pair in layer.convolutions]
    pairs += [layer.norm for layer in layers if layer.norm]
    modules = {re.split(r'[./](?=[^./]*$)', name)[0] for name in source.tensors}
    return all(module in modules for _, module in pairs)


def _about_another(source, model_name, found, known):
    for layout, name in found:
        return f'{source.path}: has the layout of {layout.name}: pass --model_name={name}' + _notes(
            [layout]
        )
    return _about_nothing(source, model_name, known)


def _notes(layouts):
    notes = dict.fromkeys(layout.note for layout in layouts if layout.note)
    return f' ({"; ".join(notes)})' if notes else ''


def _about_nothing(source, model_name, known):
    for row in different():
        if row.kind == source.kind and row.fits(source):
            return f'{source.path}: {row.name}: {row.why}'
    if advice := _about_prefix(source, known):
        return advice
    begins = _shown(source)
    fitting = [row for row in known if model_name is None or model_name in row.networks]
    if not fitting:
        subject = model_name or 'any network here'
        return f'{source.path}: no layout of files is known for {subject} (it has {begins})'
    subject = model_name or 'a network here'
    known_as = text.listed(dict.fromkeys(layout.name for layout in fitting))
    if len(fitting) > _MOST_NAMED:
        known_as = 'see import_weights.py --list'
    return f'{source.path}: not of {subject} in a known layout (it has {begins}); known: {known_as}'


def _about_prefix(source, known):
    """Return what to do if a file fits without the prefix of all names, otherwise ''."""
    prefix = next(iter(source.tensors), '').partition('.')[0] + '.'
    if not all(name.startswith(prefix) for name in source.tensors):
        return ''
    tensors = {name.removeprefix(prefix): tensor for name, tensor in source.tensors.items()}
    inner = dataclasses.replace(source, tensors=tensors)
    fitting = [row.name for row in known if row.kind == source.kind and row.fits(inner)]
    if not fitting:
        return ''
    return (
        f'{source.path}: has the layout of {fitting[0]} with {prefix} before each name: pass '
        f"--rename='^{re.escape(prefix)}:' to leave that out"
    )


def _shown(source):
    """Return the first names of a file's tensors."""
    return (
        mismatches.shortened([text.printable(name) for name in source.tensors], 3) or 'no tensors'
    )
