"""What is known of a file with the names of the networks here, apart from its tensors."""

import os

from classifiers import model_info
from classifiers.model_info import ModelInfo
from nets import model_specs, released
from weights.layouts import slim_names
from weights.placing import target, unfolding
from weights.sources import DESCRIPTION, SLIM


def info_of(source):
    """Return the ModelInfo in a file, beside it or of a release with its name, or None."""
    if source.kind != SLIM:
        return None
    text = source.metadata.get(DESCRIPTION)
    if text:
        return model_info.from_text(text, f'{source.path}, {DESCRIPTION}')
    return model_info.read_beside(source.path) or _of_release(source.path)


def _of_release(path):
    name = os.path.basename(os.fspath(path))
    release = released.by_checkpoint(name.replace('_frozen.pb', '.ckpt'))
    if release is None:
        return None
    return ModelInfo(
        release.network,
        release.classes,
        release.image_size,
        model_specs.get_spec(release.network).channels,
        release.preprocessing,
        labels_offset=release.labels_offset,
    )


def of_graph(source, key):
    """Return what a file's graph shows of its input, or None: 'image_size', 'preprocessing'."""
    return source.metadata.get(key) if source.metadata.get('is_graph') else None


def network_of(source):
    """Return the network whose variables a file has, or None if there are none or several.

    Networks that are only padded as other libraries do it do not count: nothing in a file shows it.
    """
    if source.kind != SLIM:
        return None
    roots = {name.split('/')[0] for name in source.tensors}
    found = [n for n in model_specs.networks_of(roots) if slim_names.has_head(n, source)]
    found = model_specs.without_padded_forms(found)
    if len(found) > 1:
        # Networks of other widths have the same scope.
        found = [name for name in found if _fits(name, source)]
    return found[0] if len(found) == 1 else None


def _fits(network, source):
    """Return whether a file has all variables of a network's body in their shapes."""
    spec = model_specs.get_spec(network)
    info = ModelInfo(network, 2, spec.image_size, spec.channels, spec.preprocessing)
    here = target.of(info, with_auxiliary_head=False)
    source = unfolding.unfolded(source, network)
    slim_names.require_statistics(source, here)
    heads = tuple(f'{scope}/' for scope in spec.head_scopes)
    return all(
        name in source.tensors and source.tensors[name].shape == shape
        for name, shape in here.variables.items()
        if not name.startswith(heads)
    )
