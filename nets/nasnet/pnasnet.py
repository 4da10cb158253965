"""PNASNet-5: 'Progressive neural architecture search' (Liu et al., arXiv:1712.00559).

There is one cell (Figure 1); with a stride it also reduces the map.
"""

from nets import model_specs
from nets.nasnet import nasnet_utils
from nets.nasnet.cells import Cell, identity, max_pool, separable
from nets.nasnet.nasnet_utils import Config, Network, Row

_CELL = Cell(
    blocks=(
        ((separable(5), 1), (max_pool, 1)),
        ((separable(7), 0), (max_pool, 0)),
        ((separable(5), 0), (separable(3), 0)),
        ((separable(3), 4), (max_pool, 0)),
        ((separable(3), 1), (identity, 0)),
    ),
    outputs=(2, 3, 4, 5, 6),
)


def large_imagenet_config():
    """Return the Config of the large PNASNet-5 for ImageNet."""
    return Config(
        num_cells=12,
        num_conv_filters=216,
        stem_multiplier=3.0,
        drop_path_keep_prob=0.6,
        skip_reduction_layer_input=1,
    )


def mobile_imagenet_config():
    """Return the Config of PNASNet-5 for phones."""
    return Config(
        num_cells=9,
        num_conv_filters=54,
        stem_multiplier=1.0,
        drop_path_keep_prob=1.0,
        skip_reduction_layer_input=1,
    )


def pnasnet_large_arg_scope(weight_decay=4e-5, batch_norm_decay=0.9997, batch_norm_epsilon=1e-3):
    """Return the arg_scope of the large PNASNet."""
    return nasnet_utils.arg_scope(weight_decay, batch_norm_decay, batch_norm_epsilon)


def pnasnet_mobile_arg_scope(weight_decay=4e-5, batch_norm_decay=0.9997, batch_norm_epsilon=1e-3):
    """Return the arg_scope of the PNASNet for phones."""
    return nasnet_utils.arg_scope(weight_decay, batch_norm_decay, batch_norm_epsilon)


def build_pnasnet_large(images, num_classes, is_training=True, final_endpoint=None, config=None):
    """Build the large PNASNet; return logits (features without `num_classes`), end points."""
    config = config or large_imagenet_config()
    return _build(images, num_classes, Network(config, is_training, final_endpoint))


def build_pnasnet_mobile(images, num_classes, is_training=True, final_endpoint=None, config=None):
    """Build the PNASNet for phones; return logits (features without `num_classes`), end points."""
    config = config or mobile_imagenet_config()
    return _build(images, num_classes, Network(config, is_training, final_endpoint))


def _build(images, num_classes, network):
    stem, rows = nasnet_utils.imagenet_stem(network.config, _CELL)
    return network.build(images, stem, [*rows, *_rows(network.config)], num_classes)


def _rows(config):
    rows, scaling = [], 1.0
    reductions = config.reductions()
    for number in range(config.num_cells):
        is_reduction = number in reductions
        if is_reduction:
            scaling *= config.filter_scaling_rate
        # Without the option, a cell that reduces the map reads what the cell before it has read.
        skips = not is_reduction or config.skip_reduction_layer_input or number == 0
        rows.append(
            Row(
                f'cell_{number}',
                f'Cell_{number}',
                _CELL,
                scaling,
                stride=2 if is_reduction else 1,
                previous=-2 if skips else -3,
                auxiliary_scope=config.auxiliary_scope(number),
            )
        )
    return rows


build_pnasnet_large.default_image_size = model_specs.get_spec('pnasnet_large').image_size
build_pnasnet_mobile.default_image_size = model_specs.get_spec('pnasnet_mobile').image_size
