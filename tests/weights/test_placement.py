"""What another program has and a network here has not is folded exactly."""

import numpy as np
import pytest
import tensorflow as tf

from common.errors import UserError
from support import weight_layouts
from weights.layouts.layout import IMAGENET, MINUS_ONE_TO_ONE, Layer, Normalisation
from weights.placing import normalising, placement
from weights.placing.target import Target
from weights.sources import KERAS, TORCH, Source, Tensor

RANDOM = np.random.default_rng(3)
NORMS = ('gamma', 'beta', 'moving_mean', 'moving_variance')


def some(*shape):
    return RANDOM.normal(0, 1, shape).astype(np.float32)


def positive(*shape):
    return RANDOM.uniform(0.2, 2, shape).astype(np.float32)


def source_of(tensors, kind=TORCH):
    return Source('file', kind, {n: Tensor(v.shape, lambda v=v: v) for n, v in tensors.items()})


def target_of(variables, epsilon=0.001, pads=False):
    scopes = {name.rpartition('/')[0] for name in variables if name.endswith('/beta')}
    first = next(iter(variables))
    return Target('lenet', variables, dict.fromkeys(scopes, epsilon), first, pads)


def norm_of(module):
    return {
        f'{module}.weight': positive(4),
        f'{module}.bias': some(4),
        f'{module}.running_mean': some(4),
        f'{module}.running_var': positive(4),
    }


def place(tensors, layers, target, epsilon=0.001, kind=TORCH, change=None):
    source, layout = source_of(tensors, kind), weight_layouts.lenet(epsilon=epsilon)
    placement.check(source, layout, layers, target)
    return dict(placement.values(source, layout, layers, target, change))


def normalised(values, epsilon, gamma, beta, mean, variance):
    return (values - mean) / np.sqrt(variance + epsilon) * gamma + beta


def here(values, found, scope, epsilon):
    gamma = found.get(f'{scope}/gamma', 1)
    rest = [found[f'{scope}/{role}'] for role in NORMS[1:]]
    return normalised(values, epsilon, gamma, *rest)


def there(values, tensors, module, epsilon):
    parts = [tensors[f'{module}.{n}'] for n in ('weight', 'bias', 'running_mean', 'running_var')]
    return normalised(values, epsilon, *parts)


@pytest.mark.parametrize('epsilon', [0.001, 1e-5])
@pytest.mark.parametrize('has_gamma', [True, False])
def test_bias_gamma_and_epsilon_are_folded(epsilon, has_gamma):
    tensors = {'c.weight': some(4, 3, 1, 1), 'c.bias': some(4), **norm_of('n')}
    roles = NORMS if has_gamma else NORMS[1:]
    variables = {'S/weights': (1, 1, 3, 4), **{f'S/BatchNorm/{r}': (4,) for r in roles}}
    layers = [Layer([('S/weights', 'c')], ('S/BatchNorm', 'n'))]
    found = place(tensors, layers, target_of(variables), epsilon)
    assert found.keys() == variables.keys()
    inputs = some(10, 3)
    expected = there(
        inputs @ tensors['c.weight'][:, :, 0, 0].T + tensors['c.bias'], tensors, 'n', epsilon
    )
    actual = here(inputs @ found['S/weights'][0, 0], found, 'S/BatchNorm', 0.001)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def test_values_stay_the_same_bits_if_nothing_is_folded():
    tensors = {'c.weight': some(4, 3, 1, 1), **norm_of('n'), 'n.weight': np.ones(4, np.float32)}
    variables = {'S/weights': (1, 1, 3, 4), **{f'S/BatchNorm/{r}': (4,) for r in NORMS[1:]}}
    layers = [Layer([('S/weights', 'c')], ('S/BatchNorm', 'n'))]
    found = place(tensors, layers, target_of(variables))
    np.testing.assert_array_equal(found['S/weights'][0, 0], tensors['c.weight'][:, :, 0, 0].T)
    np.testing.assert_array_equal(found['S/BatchNorm/moving_mean'], tensors['n.running_mean'])
    np.testing.assert_array_equal(found['S/BatchNorm/moving_variance'], tensors['n.running_var'])


def test_biases_in_a_separable_convolution_are_folded_behind_it():
    tensors = {
        'd.weight': some(6, 1, 3, 3),
        'd.bias': some(6),
        'p.weight': some(4, 6, 1, 1),
        **norm_of('n'),
    }
    variables = {
        'S/depthwise_weights': (3, 3, 3, 2),
        'S/pointwise_weights': (1, 1, 6, 4),
        **{f'S/BatchNorm/{role}': (4,) for role in NORMS},
    }
    convolutions = [('S/depthwise_weights', 'd'), ('S/pointwise_weights', 'p')]
    layers = [Layer(convolutions, ('S/BatchNorm', 'n'))]
    found = place(tensors, layers, target_of(variables))
    pictures = some(2, 5, 5, 3)

    def depthwise(weights):
        return tf.nn.depthwise_conv2d(pictures, weights, [1, 1, 1, 1], 'VALID').numpy()

    # Output k of channel c is output 2 * c + k in PyTorch.
    inner = depthwise(tensors['d.weight'].reshape(3, 2, 3, 3).transpose(2, 3, 0, 1))
    weights = tensors['p.weight'][:, :, 0, 0].T
    expected = there((inner + tensors['d.bias']) @ weights, tensors, 'n', 0.001)
    outputs = depthwise(found['S/depthwise_weights']) @ found['S/pointwise_weights'][0, 0]
    np.testing.assert_allclose(
        here(outputs, found, 'S/BatchNorm', 0.001), expected, rtol=1e-4, atol=1e-4
    )


def test_keras_has_separable_convolutions_in_one_layer_and_norms_without_gamma():
    tensors = {
        's/depthwise_kernel': some(3, 3, 3, 1),
        's/pointwise_kernel': some(1, 1, 3, 4),
        'n/beta': some(4),
        'n/moving_mean': some(4),
        'n/moving_variance': positive(4),
        'f/kernel': some(2 * 3 * 4, 5),
        'f/bias': some(5),
    }
    variables = {
        'S/depthwise_weights': (3, 3, 3, 1),
        'S/pointwise_weights': (1, 1, 3, 4),
        **{f'S/BatchNorm/{role}': (4,) for role in NORMS},
        'F/weights': (2, 3, 4, 5),
        'F/biases': (5,),
    }
    layers = [
        Layer([('S/depthwise_weights', 's'), ('S/pointwise_weights', 's')], ('S/BatchNorm', 'n')),
        Layer([('F/weights', 'f')], flattened=(2, 3, 4)),
    ]
    found = place(tensors, layers, target_of(variables), kind=KERAS)
    np.testing.assert_array_equal(found['S/BatchNorm/gamma'], np.ones(4))
    np.testing.assert_array_equal(found['S/depthwise_weights'], tensors['s/depthwise_kernel'])
    np.testing.assert_array_equal(found['F/weights'].reshape(24, 5), tensors['f/kernel'])


def test_a_linear_layer_of_pytorch_reads_channels_first():
    tensors = {'f.weight': some(5, 4 * 2 * 3), 'f.bias': some(5)}
    layers = [Layer([('F/weights', 'f')], flattened=(2, 3, 4))]
    variables = {'F/weights': (2, 3, 4, 5), 'F/biases': (5,)}
    found = place(tensors, layers, target_of(variables))
    features = some(2, 3, 4)
    expected = tensors['f.weight'] @ features.transpose(2, 0, 1).ravel()
    actual = np.einsum('hwi,hwio->o', features, found['F/weights'])
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ('role', 'expected', 'recipe'),
    [
        ('weights', IMAGENET, 'inception'),
        ('weights', Normalisation((0, 0, 0), (1, 1, 1), is_bgr=True), 'vgg'),
        ('depthwise_weights', IMAGENET, 'inception'),
    ],
)
def test_another_normalisation_is_folded_into_the_first_layer(role, expected, recipe):
    change = normalising.change(expected, recipe)
    shape = (3, 3, 3, 4) if role == 'weights' else (3, 3, 3, 2)
    width = 4 if role == 'weights' else 6
    variables = {f'S/{role}': shape, 'S/biases': (width,)}
    there_shape = (4, 3, 3, 3) if role == 'weights' else (6, 1, 3, 3)
    tensors = {'c.weight': some(*there_shape), 'c.bias': some(width)}
    layers = [Layer([(f'S/{role}', 'c')])]
    plain = place(tensors, layers, target_of(variables))
    found = place(tensors, layers, target_of(variables), change=change)
    pixels = RANDOM.uniform(0, 255, (1, 6, 6, 3))

    def outputs(values, normalisation):
        pictures = (pixels / 255 - normalisation.mean) / normalisation.deviation
        if normalisation.is_bgr:
            pictures = pictures[..., ::-1]
        convolve = tf.nn.conv2d if role == 'weights' else tf.nn.depthwise_conv2d
        kernel = np.float64(values[f'S/{role}'])
        return convolve(pictures, kernel, [1, 1, 1, 1], 'VALID').numpy() + values['S/biases']

    np.testing.assert_allclose(
        outputs(found, normalising.RECIPES[recipe]), outputs(plain, expected), rtol=1e-3, atol=1e-3
    )


def test_the_usual_preprocessing_stays_where_that_is_exact():
    def choose(network, normalisation, pads, requested=None):
        target = Target(network, {}, {}, 'S/weights', pads)
        layout = weight_layouts.lenet(normalisation=normalisation)
        return normalising.choose(layout, target, requested)

    caffe = Normalisation((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255,) * 3, is_bgr=True)
    for network, normalisation, pads, recipe, is_none in [
        ('inception_v3', MINUS_ONE_TO_ONE, False, 'inception', True),
        ('inception_v3', IMAGENET, False, 'inception', False),
        ('mobilenet_v1', IMAGENET, True, 'torch', True),
        ('vgg_16', caffe, True, 'vgg', False),
        ('vgg_16', MINUS_ONE_TO_ONE, True, 'inception', True),
        ('vgg_16', Normalisation((0.5,) * 3, (1, 1, 1)), True, 'inception', False),
    ]:
        chosen, change = choose(network, normalisation, pads)
        assert (chosen, change.is_none) == (recipe, is_none)
    assert choose('inception_v3', IMAGENET, False, 'torch')[0] == 'torch'
    with pytest.raises(UserError, match='--preprocessing_name=inception: invented lenet needs'):
        choose('mobilenet_v1', IMAGENET, True, 'inception')
    with pytest.raises(UserError, match='which no preprocessing here gives'):
        choose('mobilenet_v1', Normalisation((0.1,) * 3, (1, 1, 1)), True)


def test_biases_without_a_place_are_refused():
    variables = {'S/weights': (1, 1, 3, 4)}
    layers = [Layer([('S/weights', 'c')])]
    tensors = {'c.weight': some(4, 3, 1, 1), 'c.bias': some(4)}
    with pytest.raises(UserError, match='c has biases, and S/weights has none here'):
        place(tensors, layers, target_of(variables))
    assert place({**tensors, 'c.bias': np.zeros(4)}, layers, target_of(variables)).keys() == {
        'S/weights'
    }


def test_a_layer_may_be_a_multiple_of_the_one_elsewhere():
    tensors = {'a.weight': some(4, 3, 1, 1), 'a.bias': some(4)}
    target = target_of({'a/weights': (1, 1, 3, 4), 'a/biases': (4,)})
    found = place(tensors, [Layer([('a/weights', 'a')], scale=0.2)], target)
    np.testing.assert_allclose(found['a/weights'][0, 0], tensors['a.weight'][:, :, 0, 0].T * 0.2)
    np.testing.assert_allclose(found['a/biases'], tensors['a.bias'] * 0.2, rtol=1e-6)
