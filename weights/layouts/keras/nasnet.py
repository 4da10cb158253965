"""NASNetMobile and NASNetLarge of Keras Applications."""

from weights.layouts.keras.architecture import Architecture, Layers

# The separable convolutions of a cell, in the order of Keras: (step, kernel, which of the two).
_NORMAL = tuple(
    (step, kernel, number)
    for number in (1, 2)
    for step, kernel in (
        ('comb_iter_0/left', 5),
        ('comb_iter_0/right', 3),
        ('comb_iter_1/left', 5),
        ('comb_iter_1/right', 3),
        ('comb_iter_4/left', 3),
    )
)
_REDUCTION = (
    ('comb_iter_0/left', 5, 1),
    ('comb_iter_0/right', 7, 1),
    ('comb_iter_0/left', 5, 2),
    ('comb_iter_0/right', 7, 2),
    ('comb_iter_1/right', 7, 1),
    ('comb_iter_2/right', 5, 1),
    ('comb_iter_4/left', 3, 1),
    ('comb_iter_1/right', 7, 2),
    ('comb_iter_2/right', 5, 2),
    ('comb_iter_4/left', 3, 2),
)
# What makes the output of the cell before the last one fit: the first cell has nothing to fit,
# some halve its height and width, the others only change its channels.
_NOTHING: tuple[tuple[str, ...], tuple[str, ...]] = (), ()
_HALVED = ('path1_conv', 'path2_conv'), ('final_path_bn',)
_PROJECTED = ('prev_1x1',), ('prev_bn',)


def _layers(network):
    """Return the layers; each third of the network has as many normal cells."""
    count = 4 if network.startswith('nasnet_mobile') else 6
    convolutions, separable, norms = ['conv0'], [], ['conv0_bn']
    for cell, fitted in _cells(count):
        is_normal = cell.startswith('cell_') and 'stem' not in cell
        convs, bns = fitted
        own = [f'{cell}/1x1'], [f'{cell}/beginning_bn']
        fits = [f'{cell}/{name}' for name in convs], [f'{cell}/{name}' for name in bns]
        # Where no size changes, both ways to the cell are equally long.
        fits_first = is_normal or fitted is not _PROJECTED
        convolutions += fits[0] + own[0] if fits_first else own[0] + fits[0]
        norms += fits[1] + own[1] if is_normal else own[1] + fits[1]
        for step, kernel, number in _NORMAL if is_normal else _REDUCTION:
            separable.append(f'{cell}/{step}/separable_{kernel}x{kernel}_{number}')
            norms.append(f'{cell}/{step}/bn_sep_{kernel}x{kernel}_{number}')
    return Layers(
        convolution=[f'{name}/weights' for name in convolutions],
        separable=[
            (f'{name}/depthwise_weights', f'{name}/pointwise_weights') for name in separable
        ],
        norm=norms,
        top=['final_layer/FC/weights'],
    )


def _cells(count):
    """Return (scope, what fits the output before the last) of each cell, in their order."""
    cells = [('cell_stem_0', _NOTHING), ('cell_stem_1', _HALVED)]
    for third in range(3):
        if third:
            cells.append((f'reduction_cell_{third - 1}', _PROJECTED))
        first = third * count
        cells.append((f'cell_{first}', _HALVED))
        cells += [(f'cell_{number}', _PROJECTED) for number in range(first + 1, first + count)]
    return cells


def _architecture(function, network, parameters, image_size):
    return Architecture(
        name=function,
        function=function,
        module='nasnet',
        network=f'{network}_c',
        trained_as=network,
        parameters=parameters,
        layers=_layers,
        image_size=image_size,
        note=f'{network} for weights of TF-Slim, such as those that Keras publishes',
    )


ARCHITECTURES = (
    _architecture('NASNetMobile', 'nasnet_mobile', 4_269_716, 224),
    _architecture('NASNetLarge', 'nasnet_large', 84_916_818, 331),
)
