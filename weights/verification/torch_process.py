"""The process of its own in which `torch_networks` runs a network of timm or torchvision."""

import functools
import importlib

import numpy as np
import torch

from weights.layouts import registry
from weights.readers import source_file
from weights.sources import TORCH, Source, Tensor

_THREADS = 2
# Networks here that average as TF-Slim does, unlike their forms in PyTorch.
_WITHOUT_PADDING = ('inception_v3', 'nasnet_large')


def run(request):
    """Write the logits of some pixels; `request` is explained in `torch_networks.logits`."""
    torch.set_num_threads(_THREADS)
    network = request['network']
    model = build(*request['build'], request['classes'])
    load(model, request['file'], network, request['use_averages'])
    _adapt_averages(model, network)
    images = torch.from_numpy(_normalised(request)).permute(0, 3, 1, 2)
    with torch.inference_mode():
        np.save(request['logits'], np.concatenate([model(image[None]) for image in images]))


def _normalised(request):
    """Return float32 pixels as the other program gives them to its network."""
    mean = np.array(request['mean'], np.float32)
    deviation = np.array(request['deviation'], np.float32)
    values = (np.load(request['pixels']).astype(np.float32) / np.float32(255) - mean) / deviation
    return np.ascontiguousarray(values[..., ::-1]) if request['is_bgr'] else values


def build(package, name, classes):
    """Build a network of timm or torchvision for inference without downloading anything."""
    if package == 'timm':
        return importlib.import_module('timm').create_model(name, num_classes=classes).eval()
    models = importlib.import_module('torchvision.models')
    options = {'init_weights': False, 'aux_logits': False} if name == 'inception_v3' else {}
    return models.get_model(name, weights=None, num_classes=classes, **options).eval()


def load(model, path, network, use_averages=True):
    """Load the tensors of a file, in which the modules may have other names, into a network."""
    source = source_file.open_source(path, use_averages)
    layout, _ = registry.find(source, network)
    expected = model.state_dict()
    modules = _modules(expected, source, layout, network)
    state = {}
    for name, tensor in expected.items():
        module, role = name.rsplit('.', 1)
        if role != 'num_batches_tracked':
            value = torch.from_numpy(source.read(f'{modules[module]}.{role}'))
            # What is a dense layer in one program may be a convolution in another.
            state[name] = value.reshape(tensor.shape)
    model.load_state_dict(state, strict=False)


def _modules(expected, source, layout, network):
    """Return {module of the package's network: module in the file}, through our layers."""
    tensors = {name: Tensor(tuple(value.shape), value.numpy) for name, value in expected.items()}
    if all(name in source.tensors for name in tensors):
        return {name.rpartition('.')[0]: name.rpartition('.')[0] for name in tensors}
    own = Source(source.path, TORCH, tensors)
    fitting = [each for each in registry.layouts() if each.kind == TORCH and each.fits(own)]
    there = _pairs(layout.layers(network, source))
    return {module: there[name] for name, module in _pairs(fitting[0].layers(network, own)).items()}


def _pairs(layers):
    """Return {variable or scope of a norm here: module} of some layers."""
    return dict(pair for layer in layers for pair in (*layer.convolutions, layer.norm) if pair)


def _adapt_averages(model, network):
    """Let averages count their padding as the network here does, where a form of it differs."""
    if network in _WITHOUT_PADDING:
        average_without_padding(model)
    elif network == 'inception_v4b':
        # InceptionV4-PyTorch has timm's modules but for the pools of its last three blocks.
        for block in model.features[-3:]:
            block.branch3[0].count_include_pad = True


def average_without_padding(model):
    """Let all averages leave their padding out, in this process too."""
    functional = torch.nn.functional
    functional.avg_pool2d = functools.partial(_average, functional.avg_pool2d)
    for module in model.modules():
        if type(module).__name__ == 'AvgPool2dSame':
            # timm pads before it averages; 0 is left out of the sum, and the count of 1 is smaller.
            module.forward = functools.partial(_average_same, module)


def _average(usual, values, kernel_size, stride=None, padding=0, *_, **__):
    # The names of PyTorch: torchvision passes them.
    return usual(values, kernel_size, stride, padding, count_include_pad=False)


def _average_same(module, values):
    from timm.layers.padding import pad_same

    sums, counts = (
        torch.nn.functional.avg_pool2d(pad_same(each, module.kernel_size, module.stride), 3, 2)
        for each in (values, torch.ones_like(values[:1, :1]))
    )
    return sums / counts
