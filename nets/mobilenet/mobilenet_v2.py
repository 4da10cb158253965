"""MobileNet v2: 'MobileNetV2: inverted residuals and linear bottlenecks'.

Sandler et al., arXiv:1801.04381. Networks whose name has a b pad as PyTorch does, so that weights
which were trained there give the same results here.
"""

import functools

import tensorflow.compat.v1 as tf

from nets import model_specs
from nets.mobilenet import mobilenet as base
from nets.mobilenet.conv_blocks import Conv, ExpandedConv

mobilenet_v2_arg_scope = base.mobilenet_arg_scope

V2_DEF = (  # Table 2, with the map's side at 224x224.
    Conv(3, 2, 32),  # 112
    ExpandedConv(3, 1, 16, expansion=1),
    ExpandedConv(3, 2, 24),  # 56
    ExpandedConv(3, 1, 24),
    ExpandedConv(3, 2, 32),  # 28
    *2 * (ExpandedConv(3, 1, 32),),
    ExpandedConv(3, 2, 64),  # 14
    *3 * (ExpandedConv(3, 1, 64),),
    *3 * (ExpandedConv(3, 1, 96),),
    ExpandedConv(3, 2, 160),  # 7
    *2 * (ExpandedConv(3, 1, 160),),
    ExpandedConv(3, 1, 320),
    Conv(1, 1, 1280),
)


def mobilenet(
    input_tensor,
    num_classes=1001,
    depth_multiplier=1.0,
    scope='MobilenetV2',
    conv_defs=None,
    finegrain_classification_mode=False,
    min_depth=None,
    divisible_by=None,
    activation_fn=None,
    **kwargs,
):
    """Build MobileNet v2; the other options are those of `nets.mobilenet.mobilenet.mobilenet`.

    `conv_defs` is a table of rows like `V2_DEF`. With `finegrain_classification_mode`, a
    `depth_multiplier` below 1 leaves the last row as it is.
    """
    rows = base.widened(
        V2_DEF if conv_defs is None else conv_defs,
        depth_multiplier,
        min_depth,
        divisible_by,
        but_last=finegrain_classification_mode and depth_multiplier < 1,
    )
    return base.mobilenet(
        input_tensor,
        rows,
        num_classes,
        activation=activation_fn or tf.nn.relu6,
        scope=scope,
        **kwargs,
    )


mobilenet.default_image_size = model_specs.get_spec('mobilenet_v2').image_size


def mobilenet_base(input_tensor, depth_multiplier=1.0, **kwargs):
    """Build MobileNet v2 up to its last row, or to `final_endpoint`."""
    return mobilenet(input_tensor, depth_multiplier=depth_multiplier, base_only=True, **kwargs)


def training_scope(**kwargs):
    """Return the arg_scope of the layers: see `nets.mobilenet.mobilenet.training_scope`."""
    return base.training_scope(**kwargs)


def _variant(**options):
    variant = functools.partial(mobilenet, **options)
    return functools.update_wrapper(variant, mobilenet)


mobilenet_v2 = mobilenet
mobilenet_v2_140 = _variant(depth_multiplier=1.4)
mobilenet_v2_050 = _variant(depth_multiplier=0.50, finegrain_classification_mode=True)
mobilenet_v2_035 = _variant(depth_multiplier=0.35, finegrain_classification_mode=True)
mobilenet_v2b = _variant(use_explicit_padding=True)
mobilenet_v2b_140 = _variant(use_explicit_padding=True, depth_multiplier=1.4)
