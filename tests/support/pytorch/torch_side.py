"""What random_models.py does with PyTorch, in the process that it starts."""

import os

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from weights.verification import pictures, torch_process


def build(package, name, **options):
    """Build a network without downloading anything."""
    if package == 'timm':
        import timm

        return timm.create_model(name, **options)
    import torchvision

    if name in ('inception_v3', 'googlenet'):
        options = {'init_weights': False, **options}
    return torchvision.models.get_model(name, weights=None, **options)


def shapes(request):
    """Return {network: {tensor: shape}}."""
    found = {}
    for name in request['names']:
        with torch.device('meta'):
            state = build(request['package'], name).state_dict()
        found[name] = {tensor: list(value.shape) for tensor, value in state.items()}
    return found


def write(request):
    """Write a network's file and its logits."""
    torch.set_num_threads(2)
    options = dict(request['options'])
    statistics = options.pop('mean', None), options.pop('std', None)
    counts_padding = options.pop('counts_padding', True)
    model = build(request['package'], request['name'], **options)
    if not counts_padding:
        torch_process.average_without_padding(model)
    if None in statistics:
        statistics = model.default_cfg['mean'], model.default_cfg['std']
    size = request['size'] or model.default_cfg['input_size'][-1]
    _randomise(model, size)
    np.save(os.path.join(request['directory'], 'logits.npy'), _logits(model, size, *statistics))
    path = os.path.join(request['directory'], request['name'])
    if request['package'] == 'timm':
        path += '.safetensors'
        save_file(model.state_dict(), path)
    else:
        path += '.pth'
        torch.save(model.state_dict(), path)
    return {'file': path, 'size': size}


def _randomise(model, size):
    """Give a network random weights and batch norms that keep its results in bounds."""
    random = torch.Generator().manual_seed(0)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                deviation = (2 / module.weight[0].numel()) ** 0.5
                module.weight.normal_(0, deviation, generator=random)
                if module.bias is not None:
                    module.bias.normal_(0, 0.1, generator=random)
        for norm in norms:
            norm.weight.uniform_(0.5, 1.5, generator=random)
            norm.bias.normal_(0, 0.2, generator=random)
            norm.momentum = 1.0
        _measure(model, size, random)
        for norm in norms:
            # Other statistics than those of the pictures, so that no mistake is hidden.
            shift = torch.randn(norm.running_mean.shape, generator=random) * 0.2
            norm.running_mean.add_(shift * norm.running_var.sqrt())
            norm.running_var.mul_(torch.rand(norm.running_var.shape, generator=random) + 0.5)
    model.eval()


def _measure(model, size, random):
    """Set the statistics of the batch norms to those of random pictures."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    model(torch.rand((2, 3, size, size), generator=random) * 2 - 1)


def _logits(model, size, mean, deviation):
    images = torch.from_numpy(pictures.random(size, 2)).permute(0, 3, 1, 2).float() / 255
    images = (images - torch.tensor(mean)[:, None, None]) / torch.tensor(deviation)[:, None, None]
    with torch.inference_mode():
        return np.concatenate([model(image[None]).numpy() for image in images])
