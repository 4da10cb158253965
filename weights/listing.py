"""What can be imported, as a table; nothing here needs TensorFlow."""

import textwrap

from weights.layouts import registry
from weights.sources import KERAS, SLIM, TORCH

_FILES = {
    TORCH: 'PyTorch: .safetensors, .pth, .pth.tar (read without executing anything in them)',
    KERAS: 'Keras: .h5, .weights.h5, .keras',
    SLIM: 'TensorFlow: checkpoints of any age, frozen graphs (.pb), .safetensors written here',
}
_WIDTH = 100


def lines(model_name=None):
    """Yield the lines of the table, for one network or for all."""
    layouts = registry.layouts()
    for kind, files in _FILES.items():
        rows = [
            (layout, [name for name in layout.networks if model_name in (None, name)])
            for layout in layouts
            if layout.kind == kind
        ]
        rows = [(layout, names) for layout, names in rows if names]
        different = [row for row in registry.different() if row.kind == kind and not model_name]
        if rows or different:
            yield from ('', files)
        for layout, names in rows:
            yield from _row(layout, names)
        if different:
            yield '  Not equal to a network here, and refused:'
        for row in different:
            yield from _wrapped(f'{row.name}: {row.why}', '    ')


def _row(layout, names):
    if not layout.image_size:
        yield f'  {layout.name}: variables under the names of a network here'
        return
    yield f'  {layout.name:<34} {layout.image_size:>4}  {", ".join(names)}'
    if layout.note:
        yield from _wrapped(layout.note, '      ')


def _wrapped(text, indent):
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent + '  ', break_on_hyphens=False
    )
