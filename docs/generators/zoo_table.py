"""Write the tables of networks: the cost and the released checkpoint of each network.

    python docs/generators/zoo_table.py

docs/networks.md lists all networks, README.md a choice of them, between the two marks below.
Parameters (including the statistics of batch norm) and multiply-adds are counted in the operations
that the logits depend on, at the image size and number of classes of the released checkpoint. This
leaves out auxiliary heads. Biases, pooling and activations are not counted as multiply-adds.
"""

import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import tensorflow.compat.v1 as tf

from nets import nets_factory, released

ROOT = Path(__file__).resolve().parents[2]
# The networks in README.md: one of each kind and cost.
CHOSEN = (
    'vgg_16',
    'inception_v1',
    'inception_v3',
    'inception_v4',
    'inception_resnet_v2',
    'resnet_v1_50',
    'resnet_v2_50',
    'resnet_v2_152',
    'mobilenet_v1',
    'mobilenet_v1_050',
    'mobilenet_v1_025',
    'mobilenet_v2',
    'mobilenet_v3_large',
    'mobilenet_v3_small',
    'nasnet_mobile',
    'pnasnet_large',
)

_BEGIN = '<!-- The table of networks: written by docs/generators/zoo_table.py. -->'
_END = '<!-- End of the table of networks. -->'
_HEADING = (
    '| network | pixels | parameters | multiply-adds | top-1 | top-5 | checkpoint |',
    '|---|---|---|---|---|---|---|',
)

# Accuracies that the papers report for networks that were never released.
_FROM_PAPERS = {'resnet_v2_200': ('79.9*', '95.2*')}


def shown_release(name):
    """Return the release to show for a network: the largest one, if possible with an accuracy."""
    found = released.by_network(name)
    return max(found, key=lambda each: (each.top_1 is not None, each.image_size), default=None)


def cost(name, image_size=None, num_classes=None):
    """Return (parameters, multiply-adds of one picture)."""
    spec = nets_factory.get_spec(name)
    side = image_size or spec.image_size
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [1, side, side, spec.channels])
        network = nets_factory.get_network_fn(name, num_classes or default_classes(name))
        logits, _ = network(images)
        operations = dependencies(logits.op)
        variables = {v.op.name: v.shape.num_elements() for v in tf.global_variables()}
    parameters = sum(variables.get(operation.name, 0) for operation in operations)
    return parameters, sum(map(multiply_adds, operations))


def default_classes(name):
    """Return the number of classes of a network's usual data set."""
    return 10 if name in ('cifarnet', 'lenet', 'nasnet_cifar') else 1000


def dependencies(operation):
    """Return the set of operations that an operation depends on, including itself."""
    found, ahead = {operation}, [operation]
    while ahead:
        before = {tensor.op for tensor in ahead.pop().inputs} - found
        found |= before
        ahead += before
    return found


def multiply_adds(operation):
    """Count the multiply-adds of an operation."""
    if operation.type not in ('Conv2D', 'DepthwiseConv2dNative', 'MatMul'):
        return 0
    weights = operation.inputs[1].shape.as_list()
    # Each output channel uses only its own share of the weights.
    outputs = 1 if operation.type == 'DepthwiseConv2dNative' else weights[-1]
    if operation.type == 'DepthwiseConv2dNative':
        weights = weights[:2]
    return operation.outputs[0].shape.num_elements() * math.prod(weights) // outputs


def row(name):
    """Return the line of the table for a network."""
    release = shown_release(name)
    size = release.image_size if release else nets_factory.get_spec(name).image_size
    parameters, products = cost(name, size, release and release.classes)
    accuracy = _FROM_PAPERS.get(name, ('–', '–'))
    if release and release.top_1:
        accuracy = f'{release.top_1:.1f}', f'{release.top_5:.1f}' if release.top_5 else '–'
    cells = [
        f'`{name}`',
        str(size),
        f'{parameters / 1e6:.1f} M',
        f'{products / 1e9:.2f} G' if products >= 1e9 else f'{products / 1e6:.0f} M',
        *accuracy,
        f'`{release.archive}`' if release else 'none',
    ]
    return f'| {" | ".join(cells)} |'


def updated(page, rows):
    """Return the text of a page with these rows as its table."""
    before, _, rest = page.partition(_BEGIN)
    after = rest.partition(_END)[2]
    return '\n'.join([before + _BEGIN, *_HEADING, *rows, _END]) + after


def main():
    """Update both pages."""
    rows = {name: row(name) for name in nets_factory.MODELS}
    for name, shown in (('README.md', CHOSEN), ('docs/networks.md', rows)):
        path = ROOT / name
        text = updated(path.read_text(encoding='utf-8'), [rows[each] for each in shown])
        path.write_text(text, encoding='utf-8')


if __name__ == '__main__':
    main()
