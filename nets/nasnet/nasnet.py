"""NASNet-A: 'Learning transferable architectures for scalable image recognition'.

Zoph et al., arXiv:1707.07012. Figure 2 shows how the cells are stacked, Figure 4 the two cells.
"""

from nets import model_specs
from nets.nasnet import nasnet_utils
from nets.nasnet.cells import (
    Cell,
    avg_pool,
    avg_pool_with_zeros,
    identity,
    max_pool,
    max_pool_with_zeros,
    separable,
)
from nets.nasnet.nasnet_utils import Config, Network, Row

_NORMAL = Cell(
    blocks=(
        ((separable(5), 0), (separable(3), 1)),
        ((separable(5), 1), (separable(3), 1)),
        ((avg_pool, 0), (identity, 1)),
        ((avg_pool, 1), (avg_pool, 1)),
        ((separable(3), 0), (identity, 0)),
    ),
    outputs=(1, 2, 3, 4, 5, 6),
)


def _reduction(average, greatest):
    return Cell(
        blocks=(
            ((separable(5), 0), (separable(7), 1)),
            ((greatest, 0), (separable(7), 1)),
            ((average, 0), (separable(5), 1)),
            ((identity, 3), (avg_pool, 2)),
            ((separable(3), 2), (greatest, 0)),
        ),
        outputs=(3, 4, 5, 6),
    )


_REDUCTION = _reduction(avg_pool, max_pool)
# timm counts the padding in averages with a stride, and Keras in all pools with a stride.
_REDUCTION_B = _reduction(avg_pool_with_zeros, max_pool)
_REDUCTION_C = _reduction(avg_pool_with_zeros, max_pool_with_zeros)


def cifar_config():
    """Return the Config of NASNet-A (6 @ 768) for CIFAR-10 (Table 1)."""
    return Config(
        num_cells=18,
        num_conv_filters=32,
        stem_multiplier=3.0,
        drop_path_keep_prob=0.6,
        dense_dropout_keep_prob=1.0,
        total_training_steps=937500,  # 600 epochs of the 50,000 pictures in batches of 32.
    )


def mobile_imagenet_config():
    """Return the Config of NASNet-A (4 @ 1056) for phones (Table 3)."""
    return Config(num_cells=12, num_conv_filters=44, stem_multiplier=1.0, drop_path_keep_prob=1.0)


def large_imagenet_config():
    """Return the Config of NASNet-A (6 @ 4032) for ImageNet (Table 2)."""
    return Config(
        num_cells=18,
        num_conv_filters=168,
        stem_multiplier=3.0,
        drop_path_keep_prob=0.7,
        skip_reduction_layer_input=1,
    )


def nasnet_cifar_arg_scope(weight_decay=5e-4, batch_norm_decay=0.9, batch_norm_epsilon=1e-5):
    """Return the arg_scope of the NASNet for CIFAR-10."""
    return nasnet_utils.arg_scope(weight_decay, batch_norm_decay, batch_norm_epsilon)


def nasnet_mobile_arg_scope(weight_decay=4e-5, batch_norm_decay=0.9997, batch_norm_epsilon=1e-3):
    """Return the arg_scope of the NASNet for phones."""
    return nasnet_utils.arg_scope(weight_decay, batch_norm_decay, batch_norm_epsilon)


def nasnet_large_arg_scope(weight_decay=5e-5, batch_norm_decay=0.9997, batch_norm_epsilon=1e-3):
    """Return the arg_scope of the large NASNet."""
    return nasnet_utils.arg_scope(weight_decay, batch_norm_decay, batch_norm_epsilon)


def build_nasnet_cifar(images, num_classes, is_training=True, config=None, current_step=None):
    """Build the NASNet for CIFAR-10; return logits (features without `num_classes`), end points."""
    config = config or cifar_config()
    network = Network(config, is_training, current_step=current_step)
    rows = _rows(config, _REDUCTION)
    return network.build(images, nasnet_utils.cifar_stem(config), rows, num_classes)


def _rows(config, reduction):
    rows, scaling = [], 1.0
    reductions = config.reductions()
    for number in range(config.num_cells):
        previous = -2
        if number in reductions:
            scaling *= config.filter_scaling_rate
            scope = f'reduction_cell_{reductions.index(number)}'
            rows.append(Row(scope, scope.title(), reduction, scaling, stride=2))
            previous = -3 if config.skip_reduction_layer_input else -2
        auxiliary_scope = config.auxiliary_scope(number)
        rows.append(
            Row(f'cell_{number}', f'Cell_{number}', _NORMAL, scaling, 1, previous, auxiliary_scope)
        )
    return rows


def _imagenet_variant(name, default_config, reduction, described):
    """Return the function that builds a network of the table in `model_specs`."""

    def build(
        images,
        num_classes,
        is_training=True,
        final_endpoint=None,
        config=None,
        current_step=None,
    ):
        network = Network(config or default_config(), is_training, final_endpoint, current_step)
        stem, rows = nasnet_utils.imagenet_stem(network.config, reduction)
        rows = [*rows, *_rows(network.config, reduction)]
        return network.build(images, stem, rows, num_classes)

    build.__name__ = build.__qualname__ = f'build_{name}'
    build.__doc__ = (
        f'Build {described}; return logits (features without `num_classes`), end points.'
    )
    build.default_image_size = model_specs.get_spec(name).image_size
    return build


_PHONES, _LARGE = 'the NASNet for phones', 'the large NASNet'
build_nasnet_mobile = _imagenet_variant(
    'nasnet_mobile', mobile_imagenet_config, _REDUCTION, _PHONES
)
build_nasnet_large = _imagenet_variant('nasnet_large', large_imagenet_config, _REDUCTION, _LARGE)
build_nasnet_large_b = _imagenet_variant(
    'nasnet_large_b', large_imagenet_config, _REDUCTION_B, f'{_LARGE} as timm does'
)
build_nasnet_mobile_c = _imagenet_variant(
    'nasnet_mobile_c', mobile_imagenet_config, _REDUCTION_C, f'{_PHONES} as Keras does'
)
build_nasnet_large_c = _imagenet_variant(
    'nasnet_large_c', large_imagenet_config, _REDUCTION_C, f'{_LARGE} as Keras does'
)
build_nasnet_cifar.default_image_size = model_specs.get_spec('nasnet_cifar').image_size
