"""Import a file of weights: write a checkpoint of a network here, and its model.json."""

import dataclasses
import os

from classifiers import checkpoints
from classifiers.model_info import ModelInfo
from common import imagenet, labels
from common.errors import UserError
from nets import model_specs
from weights import described, output_directory, selection, writing
from weights.layouts import hub_config, registry, slim_names
from weights.placing import normalising, placement, target, unfolding
from weights.readers import source_file
from weights.sources import TORCH


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """What a user requests of an import; None means as the file and its layout say."""

    model_name: str | None = None
    labels: str | None = None  # A file with the names of the classes.
    image_size: int | None = None
    preprocessing_name: str | None = None
    use_moving_averages: bool = True
    rename: tuple[str, ...] = ()
    overwrite: bool = False
    weights_source: str | None = None  # For model.json: the address that the file comes from.

    @classmethod
    def of(cls, options):
        """Make a request from the options of the same names."""
        names = {field.name for field in dataclasses.fields(cls)}
        shared = names & {field.name for field in dataclasses.fields(options)}
        return cls(**{name: getattr(options, name) for name in shared})


@dataclasses.dataclass(frozen=True)
class Imported:
    """A checkpoint, written now or there already."""

    path: str
    info: ModelInfo
    lines: tuple[str, ...]  # What was decided, for the log.
    is_new: bool = True


def import_file(path, directory, request=None, layouts=None):
    """Write the weights in a file as `directory`/NAME.ckpt with model.json; return an Imported.

    A file that does not fit is a UserError, and nothing is written; the same import again changes
    nothing. `layouts` are the known ones if not given.
    """
    request = request or Request()
    output_directory.require_usable(directory)
    source, selected = _open(path, request)
    known = described.info_of(source)
    model_name = known.model_name if known else described.network_of(source)
    layout, network = registry.find(source, request.model_name or model_name, layouts)
    layout, notes = hub_config.adapt(layout, path)
    source = unfolding.unfolded(source, network)
    layers = layout.layers(network, source)
    info = describe(source, layout, network, layers, request, known)
    here = target.of(info, _has_auxiliary_head(network, layers))
    slim_names.require_statistics(source, here)
    placement.check(source, layout, layers, here)
    recipe = request.preprocessing_name or (
        known.preprocessing_name if known else described.of_graph(source, 'preprocessing')
    )
    recipe, input_change = normalising.choose(layout, here, recipe)
    info = info.replace(preprocessing_name=recipe)
    lines = (
        f'{path}: {layout.name}, imported as {network}',
        *source.notes,
        f'{len(here.variables)} variables, {info.num_classes} classes, {info.image_size} pixels',
        normalising.line(layout, here, recipe, input_change),
        *_auxiliary_lines(network, layers),
        *notes,
        *selected,
    )
    if _is_there(directory, info, source, request):
        return Imported(output_directory.checkpoint(directory, info), info, lines, is_new=False)
    if not request.overwrite:
        output_directory.require_free(directory)
    values = placement.values(source, layout, layers, here, input_change)
    return Imported(writing.write(directory, info, values), info, lines)


def _open(path, request):
    """Return (Source with the tensors to use, lines for the log)."""
    source = source_file.open_source(path, request.use_moving_averages)
    if not source.tensors:
        raise UserError(f'{path}: contains no tensors')
    return selection.select(source, request.rename, request.use_moving_averages)


def _is_there(directory, info, source, request):
    """Return whether the same import wrote a complete checkpoint already."""
    # What these two changed is not in model.json.
    if request.overwrite or request.rename or not request.use_moving_averages:
        return False
    path = output_directory.checkpoint(directory, info)
    is_current = output_directory.is_current(directory, info, source.path)
    return is_current and checkpoints.fault(path) is None


def describe(source, layout, network, layers, request, known=None):
    """Return the ModelInfo of a file's network; its preprocessing is not yet decided.

    `known` is what is known of the file apart from its tensors, see `described.info_of`.
    """
    spec = model_specs.get_spec(network)
    classes = _count_classes(source, spec, layers)
    names, offset = _classes(request.labels, classes)
    dataset_name = '' if request.labels or not names else imagenet.DATASET_NAME
    if known and known.num_classes == classes and not request.labels:
        offset = known.labels_offset
        if known.class_names:
            names, dataset_name = known.class_names, known.dataset_name
    size = known.image_size if known else described.of_graph(source, 'image_size')
    return ModelInfo(
        model_name=network,
        num_classes=classes,
        class_names=names,
        labels_offset=offset,
        image_size=request.image_size or size or layout.image_size or spec.image_size,
        channels=known.channels if known else spec.channels,
        preprocessing_name=spec.preprocessing,
        dataset_name=dataset_name,
        weights_source=request.weights_source or os.fspath(source.path),
    )


def _count_classes(source, spec, layers):
    """Return the number of outputs of the head in a file."""
    heads = [
        (variable, module)
        for layer in layers
        for variable, module in layer.convolutions
        if variable.startswith(f'{spec.head}/')
    ]
    if not heads:
        raise UserError(f'{source.path}: the layout has no layer for {spec.head}')
    variable, module = heads[-1]
    shape = source.shape(placement.tensor_name(source, module, variable.rpartition('/')[2]))
    if not shape:
        raise UserError(f'{source.path}: {module} has no classes')
    return shape[0 if source.kind == TORCH else -1]


def _classes(path, count):
    """Return (names of the classes or (), label of output 0)."""
    if not path:
        return imagenet.names(count), imagenet.labels_offset(count) or 0
    names = tuple(labels.names_in_order(labels.read_labels(path), path))
    if len(names) != count:
        raise UserError(f'--labels={path}: has {len(names)} names, and the weights {count} classes')
    return names, 0


def _has_auxiliary_head(network, layers):
    auxiliary = model_specs.get_spec(network).auxiliary_head
    return bool(auxiliary) and any(
        variable.startswith(f'{auxiliary}/')
        for layer in layers
        for variable, _ in layer.convolutions
    )


def _auxiliary_lines(network, layers):
    if model_specs.get_spec(network).auxiliary_head and not _has_auxiliary_head(network, layers):
        yield 'the file has no auxiliary head, so the checkpoint has none'
