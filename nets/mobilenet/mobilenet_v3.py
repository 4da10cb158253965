"""MobileNet v3: 'Searching for MobileNetV3', and MobileNet EdgeTPU.

Howard et al., arXiv:1905.02244. The minimalistic forms have neither squeeze-and-excite, hard swish
nor kernels of 5x5. EdgeTPU expands with full convolutions where the map is large.
"""

import functools

import tf_slim as slim

from nets import layers, model_specs
from nets.mobilenet import conv_blocks
from nets.mobilenet import mobilenet as base
from nets.mobilenet.conv_blocks import Conv, ExpandedConv, ReduceTo1x1

hard_swish = conv_blocks.hard_swish
training_scope = base.training_scope
mobilenet_v3_arg_scope = base.mobilenet_arg_scope

# A row of the tables: kernel, stride, depth, expansion. Rows without an activation have ReLU.
_Excited = functools.partial(ExpandedConv, squeeze_excite=True)
_Swish = functools.partial(ExpandedConv, activation=hard_swish)
_ExcitedSwish = functools.partial(_Swish, squeeze_excite=True)
_Fused = functools.partial(ExpandedConv, fused=True)


def _last_rows(inner, depth):
    """Section 5.1: the last expansion on the map, the last layer on its mean."""
    return (
        Conv(1, 1, inner, hard_swish),
        ReduceTo1x1(),
        Conv(1, 1, depth, hard_swish, normalized=False),
    )


V3_LARGE = (  # Table 1, with the map's side at 224x224.
    Conv(3, 2, 16, hard_swish),  # 112
    ExpandedConv(3, 1, 16, 1),
    ExpandedConv(3, 2, 24, 4),  # 56
    ExpandedConv(3, 1, 24, 3),
    _Excited(5, 2, 40, 3),  # 28
    *2 * (_Excited(5, 1, 40, 3),),
    _Swish(3, 2, 80, 6),  # 14
    _Swish(3, 1, 80, 2.5),
    *2 * (_Swish(3, 1, 80, 2.3),),
    *2 * (_ExcitedSwish(3, 1, 112, 6),),
    _ExcitedSwish(5, 2, 160, 6),  # 7
    *2 * (_ExcitedSwish(5, 1, 160, 6),),
    *_last_rows(960, 1280),
)
V3_SMALL = (  # Table 2.
    Conv(3, 2, 16, hard_swish),  # 112
    _Excited(3, 2, 16, 1),  # 56
    ExpandedConv(3, 2, 24, 72 / 16),  # 28
    ExpandedConv(3, 1, 24, 88 / 24),
    _ExcitedSwish(5, 2, 40, 4),  # 14
    *2 * (_ExcitedSwish(5, 1, 40, 6),),
    *2 * (_ExcitedSwish(5, 1, 48, 3),),
    _ExcitedSwish(5, 2, 96, 6),  # 7
    *2 * (_ExcitedSwish(5, 1, 96, 6),),
    *_last_rows(576, 1024),
)
V3_EDGETPU = (
    Conv(3, 2, 32),  # 112
    _Fused(1, 1, 16, 1),
    _Fused(3, 2, 32, 8),  # 56
    *3 * (_Fused(3, 1, 32, 4),),
    _Fused(3, 2, 48, 8),  # 28
    *3 * (_Fused(3, 1, 48, 4),),
    ExpandedConv(3, 2, 96, 8),  # 14
    *3 * (ExpandedConv(3, 1, 96, 4),),
    ExpandedConv(3, 1, 96, 8, residual=False),
    *3 * (ExpandedConv(3, 1, 96, 4),),
    ExpandedConv(5, 2, 160, 8),  # 7
    *3 * (ExpandedConv(5, 1, 160, 4),),
    ExpandedConv(3, 1, 192, 8),
    Conv(1, 1, 1280),
)


def _minimalistic(rows):
    plain = {'activation': None, 'squeeze_excite': False}
    return tuple(
        row._replace(
            **{name: value for name, value in plain.items() if name in row._fields}
        )._replace(**({'kernel': min(row.kernel, 3)} if 'kernel' in row._fields else {}))
        for row in rows
    )


V3_LARGE_MINIMALISTIC = _minimalistic(V3_LARGE)
V3_SMALL_MINIMALISTIC = _minimalistic(V3_SMALL)


def reduce_to_1x1(input_tensor, default_size=7, **kwargs):
    """Average over height and width with `slim.avg_pool2d`, whose options are `kwargs`.

    A side that is not known is taken to be `default_size`.
    """
    kernel = [side or default_size for side in input_tensor.shape.as_list()[1:3]]
    return slim.avg_pool2d(input_tensor, kernel, **kwargs)


def mobilenet(
    input_tensor,
    num_classes=1001,
    depth_multiplier=1.0,
    scope='MobilenetV3',
    conv_defs=None,
    finegrain_classification_mode=False,
    use_groupnorm=False,
    **kwargs,
):
    """Build MobileNet v3; the other options are those of `nets.mobilenet.mobilenet.mobilenet`.

    `conv_defs` is a table of rows like `V3_LARGE`. With `finegrain_classification_mode`,
    `depth_multiplier` leaves the last row as it is, as for all released narrow networks.
    """
    rows = base.widened(
        V3_LARGE if conv_defs is None else conv_defs,
        depth_multiplier,
        but_last=finegrain_classification_mode,
    )
    normalizer = slim.group_norm if use_groupnorm else layers.batch_norm
    with slim.arg_scope([slim.group_norm], groups=8):
        return base.mobilenet(
            input_tensor, rows, num_classes, normalizer=normalizer, scope=scope, **kwargs
        )


mobilenet.default_image_size = model_specs.get_spec('mobilenet_v3_large').image_size


def mobilenet_base(input_tensor, depth_multiplier=1.0, **kwargs):
    """Build MobileNet v3 up to its last row, or to `final_endpoint`."""
    return mobilenet(input_tensor, depth_multiplier=depth_multiplier, base_only=True, **kwargs)


def _variant(rows, **options):
    variant = functools.partial(mobilenet, conv_defs=rows, **options)
    return functools.update_wrapper(variant, mobilenet)


# The names that TF-Slim's users import, and those of the table of networks.
mobilenet_v3_large = large = _variant(V3_LARGE)
mobilenet_v3_small = small = _variant(V3_SMALL)
mobilenet_v3_large_minimalistic = large_minimalistic = _variant(V3_LARGE_MINIMALISTIC)
mobilenet_v3_small_minimalistic = small_minimalistic = _variant(V3_SMALL_MINIMALISTIC)
mobilenet_edgetpu = edge_tpu = _variant(V3_EDGETPU, scope='MobilenetEdgeTPU')
mobilenet_edgetpu_075 = edge_tpu_075 = _variant(
    V3_EDGETPU,
    scope='MobilenetEdgeTPU',
    depth_multiplier=0.75,
    finegrain_classification_mode=True,
)
