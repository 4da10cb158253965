"""What can be imported, as a table; nothing here needs TensorFlow."""

import textwrap

from weights.layouts import registry
from weights.published import ports
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
        width = max((len(layout.name) for layout, _ in rows), default=0)
        for layout, names in rows:
            yield from _row(layout, names, width)
        if different:
            yield '  Not equal to a network here, and refused:'
        for row in different:
            yield from _wrapped(f'{row.name}: {row.why}', '    ')
    yield from _published(model_name)


def _row(layout, names, width):
    if not layout.image_size:
        yield f'  {layout.name}: variables under the names of a network here'
        return
    yield f'  {layout.name:<{width}}  {layout.image_size:>4}  {", ".join(names)}'
    if layout.note:
        yield from _wrapped(layout.note, '      ')


def _published(model_name):
    """Yield the lines of the files that are downloaded by name."""
    found = [port for port in ports.PORTS.values() if model_name in (None, port.network)]
    if not found:
        return
    yield from ('', 'Published files, which --source=NAME downloads (pixels, top-1, network):')
    width = max(len(port.name) for port in found)
    for port in found:
        accuracy = f'{port.top_1:.1f}' if port.top_1 else '-'
        yield f'  {port.name:<{width}}  {port.image_size:>4}  {accuracy:>5}  {port.network}'


def _wrapped(text, indent):
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent + '  ', break_on_hyphens=False
    )
