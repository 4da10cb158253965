"""Load a frozen graph, of this toolkit with a description or of another program without one."""

import tensorflow.compat.v1 as tf

from classifiers import model_info, verdicts
from classifiers.model_info import ModelInfo
from common import checks
from common.errors import UserError, one_line
from nets import model_specs, released
from serving.graphdef import graph_edits, graph_nodes, graph_safety, variables
from serving.model.engines import described, pixel_inputs
from serving.model.engines.loaded_model import LoadedModel


def load(options):
    """Load the frozen graph `options.path`, and find its input and its output."""
    graph_def = _read(options)
    stored = model_info.read_beside(options.path)
    if stored:
        info, lines = described.describe(options, stored)
    else:
        info, lines = _describe_foreign(options, graph_def)
    nodes = stored.nodes if stored else {}
    output_name = _output(options, graph_def, info, nodes)
    of_verdicts = _verdicts(options, graph_def, info)
    info = info if of_verdicts else info.replace(limits={})
    needed = _needed(options, graph_def, [output_name, *of_verdicts])
    unsafe = graph_safety.check(options.path, needed, options.allow_unsafe_graph)
    graph = _import(options.path, needed)
    output = _tensor(options, graph, output_name)
    fed = _input(options, graph_def, graph, output, nodes)
    if fed.dtype == tf.string:
        info, more = pixel_inputs.prepared_inside(options, info, bool(stored))
        pictures = fed
    else:
        described_in = model_info.path_beside(options.path) if stored else ''
        preparation = pixel_inputs.choose(options, info, fed, stored, described_in)
        # The log describes what is fed in the end.
        info, lines, more = preparation.info, () if stored else lines, preparation.lines
        with tf.Graph().as_default() as prepared:
            pictures, images = pixel_inputs.build(preparation, fed)
        graph = _import(options.path, needed, prepared, {fed.name: images})
    fetched = [output.name, *of_verdicts]
    lines = [*lines, *unsafe, *more, f'Feeding {fed.name}, fetching {", ".join(fetched)}']
    tensors = [graph.get_tensor_by_name(name) for name in fetched]
    return LoadedModel(graph, pictures, tensors[0], info, tuple(tensors[1:]), lines=tuple(lines))


def _read(options):
    """Read the GraphDef; refuse one without its weights."""
    described.refuse_averages(options)
    graph_def = graph_nodes.read_graph_def(options.path)
    unfrozen = variables.find_variables(graph_def)
    if unfrozen:
        raise UserError(
            f'{options.path}: has variables without values ({unfrozen[0].op.name} and others); '
            'freeze it with freeze_graph.py and its checkpoint'
        )
    return graph_def


def _describe_foreign(options, graph_def):
    """Return (ModelInfo, lines for the log) of a graph, from the scopes of its nodes.

    Unknown values are '' or 0.
    """
    found = graph_nodes.networks(graph_def)
    if options.model_name:
        model_specs.get_spec(options.model_name)
        if found and options.model_name not in found:
            raise UserError(
                f'{options.network_flag}={options.model_name}: {options.path} has the nodes of '
                f'{" or ".join(found)}'
            )
        found = [options.model_name]
    found = model_specs.without_padded_forms(found)
    specs = [model_specs.get_spec(name) for name in found]
    recipes = {spec.preprocessing for spec in specs}
    if not options.model_name:
        # Releases of a network may differ from its default, and this may be any of them.
        releases = (release for name in found for release in released.by_network(name))
        recipes |= {release.preprocessing for release in releases}
    info = ModelInfo(
        model_name=_only(found),
        num_classes=0,
        image_size=_only({spec.image_size for spec in specs}, 0),
        channels=0 if options.use_grayscale is None else (1 if options.use_grayscale else 3),
        preprocessing_name=_only(recipes),
        labels_offset=options.labels_offset or 0,
    )
    return info, [f'No description beside it; the network is {" or ".join(found)}'] if found else []


def _only(values, otherwise=''):
    """Return the only value, or `otherwise` if there are none or several."""
    return next(iter(values)) if len(values) == 1 else otherwise


def _import(path, graph_def, graph=None, input_map=None):
    """Import a GraphDef under its own names into `graph`, or into a new one."""
    graph = graph or tf.Graph()
    try:
        with graph.as_default():
            tf.import_graph_def(graph_def, input_map=input_map, name='')
    except ValueError as error:
        reason = one_line(error, 200)
        raise UserError(f'{path}: TensorFlow cannot read this graph ({reason})') from None
    return graph


def _needed(options, graph_def, fetched):
    """Return the part that is run: a graph may also have queues of its training."""
    asked = (options.input_layer or '').partition(':')[0]
    present = graph_edits.nodes_by_name(graph_def)
    wanted = [*(name.partition(':')[0] for name in fetched), *([asked] if asked in present else [])]
    return graph_edits.needed_for(graph_def, wanted)


def _output(options, graph_def, info, nodes):
    """Return the name of the tensor with the probabilities, or the logits."""
    known = nodes.get('probabilities') or nodes.get('output')
    if options.output_layer or known:
        return _named(graph_def, options, '--output_layer', options.output_layer, known)
    found = graph_nodes.softmax_outputs(graph_def)
    main = [name for name in found if 'aux' not in name.lower()] or found
    if len(main) == 1:
        return f'{main[0]}:0'
    if main:
        raise UserError(
            f'{options.path}: has {len(main)} softmaxes; '
            f'name one with --output_layer: {", ".join(main[:8])}'
        )
    own = model_specs.get_spec(info.model_name).output_node if info.model_name else ''
    if own in {node.name for node in graph_def.node}:
        return f'{own}:0'
    likely = graph_nodes.likely_outputs(graph_def)
    raise UserError(
        f'{options.path}: has no softmax for the classes; name its output with '
        f'--output_layer{_among(likely)}'
    )


def _verdicts(options, graph_def, info):
    """List the names of the tensors with the verdicts; --output_layer asks for another output."""
    if options.output_layer:
        return []
    return [_named(graph_def, options, '', None, name) for name in verdicts.tensors(info)]


def _input(options, graph_def, graph, output, nodes):
    """Return the tensor to feed: encoded pictures if the graph takes them, else pixels."""
    known = _known_input(options, graph_def, output, nodes)
    if options.input_layer or known:
        name = _named(graph_def, options, '--input_layer', options.input_layer, known)
        fed = _tensor(options, graph, name)
    else:
        fed = _only_input(options, graph_def, graph, output)
    if fed.dtype != tf.string and not pixel_inputs.takes_pictures(fed):
        raise UserError(
            f'{options.path}: {fed.op.name} takes {fed.dtype.name} of shape {fed.shape}, '
            'not pictures; name the right node with --input_layer'
            f'{_among([found.name for found in graph_nodes.inputs(graph_def)])}'
        )
    others = graph_nodes.needed_inputs(graph_def, output.op.name, fed.op.name)
    if others:
        raise UserError(
            f'{options.path}: needs values for {", ".join(others[:5])} besides {fed.op.name}: '
            'freeze it for inference, or name the right node with --input_layer'
        )
    return fed


def _known_input(options, graph_def, output, nodes):
    """Return the input that the description or the convention names, or None.

    Options about the preparation of pixels ask for the input that takes pixels.
    """
    used = graph_nodes.sources(graph_def, output.op.name)
    present = {found.name for found in graph_nodes.inputs(graph_def)} & used
    by_custom = {'image_bytes': 'image_bytes', 'input': 'input', **nodes}
    kinds = ('input',) if pixel_inputs.are_given(options) else ('image_bytes', 'input')
    return next((by_custom[kind] for kind in kinds if by_custom[kind] in present), None)


def _only_input(options, graph_def, graph, output):
    needed = graph_nodes.needed_inputs(graph_def, output.op.name)
    # Inception's graph of 2015, and graphs retrained from it, have a constant as input.
    constants = graph_nodes.decoded_constants(graph_def, output.op.name)
    for candidates in (needed, constants):
        tensors = [graph.get_tensor_by_name(f'{name}:0') for name in candidates]
        found = [t for t in tensors if t.dtype == tf.string or pixel_inputs.takes_pictures(t)]
        if found:
            break
    if len(found) != 1:
        raise UserError(
            f'{options.path}: {"no" if not found else "more than one"} input takes pictures; '
            f'name it with --input_layer{_among(needed)}'
        )
    return found[0]


def _named(graph_def, options, flag, asked, known):
    """Return the name of the requested tensor, else of `known` from a description."""
    name = asked or known
    node, _, index = name.partition(':')
    present = graph_edits.nodes_by_name(graph_def)
    if node in present:
        return f'{node}:{index or 0}'
    if not asked:
        description = model_info.path_beside(options.path)
        raise UserError(
            f'{description}: {options.path} has no node {name!r}, which this description names'
        )
    near = checks.nearest(name, present)[:5]
    raise UserError(f'{flag}={name}: no such node in {options.path}; nearest: {", ".join(near)}')


def _tensor(options, graph, name):
    try:
        return graph.get_tensor_by_name(name)
    except (KeyError, ValueError):
        raise UserError(f'{options.path}: no operation in it has the output {name}') from None


def _among(candidates, most=8):
    return f': {", ".join(candidates[:most])}' if candidates else ''
