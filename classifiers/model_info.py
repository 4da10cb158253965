"""model.json: the description from which a trained classifier can be built again.

The file is beside the checkpoints of a training directory. A graph `X.pb` has the same content in
`X.json`; for any other ending, the ending is part of the name.

freeze_graph.py also writes ONNX files of the same network: `X.onnx`, and `X.int8.onnx` with 8-bit
weights. `X.json` lists their hashes and describes them too, with or without `X.pb`. An ONNX file
that was exported alone is described by `X.onnx.json`.
"""

import dataclasses
import json
import os

from classifiers import checkpoint_paths, file_kinds, model_info_checks
from common import files, imagenet
from common.errors import UserError

FILE_NAME = 'model.json'
LABEL_SUFFIX = '.label'  # The ending of the file with the class names for other programs.
_GRAPHS = ('.pb', '.pbtxt')
# Precision -> the ending of the ONNX file.
ONNX_ENDINGS = {'float32': '.onnx', 'int8': '.int8.onnx'}
FORMAT_VERSION = (1, 2)  # A new major number is not compatible; a new minor number adds keys.


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """A trained classifier. `class_names[i]` names output i, which is label i + labels_offset."""

    model_name: str
    num_classes: int
    image_size: int
    channels: int
    preprocessing_name: str
    class_names: tuple[str, ...] = ()  # Empty if the names are unknown.
    labels_offset: int = 0
    moving_average_decay: float | None = None
    dataset_name: str = ''
    weights_source: str = ''  # The checkpoint at the start of training, or empty.
    # For graphs only: the names of nodes ('image_bytes', 'input', 'logits', 'probabilities',
    # 'features', 'output', and those of verdicts.py), the hash of the .pb file, the hashes of the
    # ONNX files by precision, and the versions of the programs.
    nodes: dict[str, str] = dataclasses.field(default_factory=dict)
    graph_sha256: str = ''
    onnx: dict[str, str] = dataclasses.field(default_factory=dict)
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    # Of a graph with verdicts.py's outputs: how its limits were learnt; see heads/limits/limits.py.
    limits: dict = dataclasses.field(default_factory=dict)
    # Keys of a newer minor version of the format.
    unknown: dict = dataclasses.field(default_factory=dict)

    def replace(self, **changes):
        """Return a copy with `changes`."""
        return dataclasses.replace(self, **changes)

    def names(self):
        """List a name for every output, or its label if the names are unknown."""
        if self.class_names:
            return list(self.class_names)
        return [str(output + self.labels_offset) for output in range(self.num_classes)]

    def with_imagenet_names(self):
        """Return a copy with ImageNet's names if the names are unknown and the number fits."""
        names = () if self.class_names else imagenet.names(self.num_classes)
        if not names:
            return self
        offset = imagenet.labels_offset(self.num_classes)
        return self.replace(class_names=names, labels_offset=offset)

    def tensor(self, kind):
        """Return the name of a node's tensor, such as 'logits:0', or '' without such a node."""
        name = self.nodes.get(kind, '')
        return name if ':' in name or not name else f'{name}:0'


_FIELDS = {field.name: field for field in dataclasses.fields(ModelInfo) if field.name != 'unknown'}
_REQUIRED = {
    name
    for name, field in _FIELDS.items()
    if field.default is field.default_factory is dataclasses.MISSING
}


def write(path, info):
    """Write `info` atomically to a .json file, or as model.json into a directory."""
    if not os.fspath(path).endswith('.json'):
        path = os.path.join(path, FILE_NAME)
    files.write_text(path, as_text(info))


def as_text(info):
    """Return the content of a model.json."""
    content = {name: getattr(info, name) for name in _FIELDS}
    version = '.'.join(map(str, FORMAT_VERSION))
    return files.json_text({**info.unknown, 'format_version': version, **content})


def beside_graph(graph, suffix='.json'):
    """Return the path of a file that belongs to a graph.

    The name of `X.pb` and `X.pbtxt` is X. Any other ending is part of the name: `lenet.v2` and
    `lenet.v3` are two graphs. So is `.onnx` if the ONNX file is exported alone.
    """
    graph = os.fspath(graph)
    name, ending = os.path.splitext(graph)
    return (name if ending in _GRAPHS else graph) + suffix


def stem(graph):
    """Return the common part of the names of a model's files: X for X.pb, X.onnx, X.int8.onnx."""
    precision = onnx_precision(graph)
    if precision:
        return os.fspath(graph).removesuffix(ONNX_ENDINGS[precision])
    return beside_graph(graph, '')


def onnx_precision(path):
    """Return the precision of the ONNX file `path` according to its name; '' for other files."""
    longest_first = sorted(ONNX_ENDINGS, key=lambda each: -len(ONNX_ENDINGS[each]))
    fitting = (each for each in longest_first if os.fspath(path).endswith(ONNX_ENDINGS[each]))
    return next(fitting, '')


def onnx_path(graph, precision='float32'):
    """Return the path of the ONNX file in a precision that belongs to a graph."""
    return stem(graph) + ONNX_ENDINGS[precision]


def label_beside(graph):
    """Return the path of the label file of a graph, which has the name of its description."""
    if onnx_precision(graph):
        return path_beside(graph).removesuffix('.json') + LABEL_SUFFIX
    return beside_graph(graph, LABEL_SUFFIX)


def files_beside(graph):
    """List the files that may belong to a graph, whether they exist or not."""
    graph = os.fspath(graph)
    endings = ('.json', LABEL_SUFFIX, *ONNX_ENDINGS.values())
    found = [stem(graph) + ending for ending in endings]
    if onnx_precision(graph):
        found += [graph + ending for ending in ('.json', LABEL_SUFFIX)]
    return [path for path in found if path != graph]


def is_graph(path):
    """Return whether `path` is a graph or an ONNX file, not a checkpoint or a directory."""
    path = os.fspath(path)
    if path.endswith(_GRAPHS) or onnx_precision(path):
        return True
    prefix = checkpoint_paths.prefix_of(path)
    if '.ckpt' in os.path.basename(path) or os.path.exists(f'{prefix}.index'):
        return False
    return os.path.isfile(path) and file_kinds.tensorflow_kind(path) != file_kinds.CHECKPOINT


def is_frozen(path):
    """Return whether there is a graph of TensorFlow or an ONNX file at `path`."""
    if onnx_precision(path):
        return os.path.isfile(path)
    return file_kinds.tensorflow_kind(path) == file_kinds.GRAPH


def path_beside(path):
    """Return the path of the description of a directory, a checkpoint or a graph."""
    path = os.fspath(path)
    if path.endswith('.json'):
        return path
    if onnx_precision(path):
        return _path_beside_onnx(path)
    if is_graph(path):
        return beside_graph(path)
    directory = path if os.path.isdir(path) else os.path.dirname(path)
    return os.path.join(directory, FILE_NAME)


def _path_beside_onnx(path):
    """Return X.json for X.onnx, unless there is an X.onnx.json and X.json lists another file."""
    shared, own = f'{stem(path)}.json', beside_graph(path)
    if not os.path.lexists(own):
        return shared
    if not os.path.lexists(shared):
        return own
    content = files.read_json(shared)
    listed = content.get('onnx') if _is_description(content) else None
    expected = listed.get(onnx_precision(path)) if isinstance(listed, dict) else None
    return shared if expected and expected == graph_sha256(path) else own


def read_beside(path):
    """Read the description of a directory, a checkpoint or a graph; None if there is none.

    The hash of a graph must be the one in its description. An ONNX file must have one.
    """
    description = path_beside(path)
    if onnx_precision(path):
        return _read_beside_onnx(path, description)
    if not os.path.lexists(description):
        return None
    if description == os.fspath(path) or not is_graph(path):
        return read(description)
    content = files.read_json(description)
    if not _is_description(content):
        return None  # The file belongs to another program.
    info = _from_json(content, description)
    _check_hash(path, description, info.graph_sha256)
    return info


def _read_beside_onnx(path, description):
    require_description(path, description)
    info, precision = read(description), onnx_precision(path)
    if description == beside_graph(path) and not info.onnx:
        # Releases before format version 1.1 wrote only this hash.
        info = info.replace(onnx={precision: info.graph_sha256})
    _check_onnx(path, description, info.onnx.get(precision))
    return info


def require_description(path, description):
    """Raise a UserError unless the ONNX file `path` has its description."""
    if not os.path.lexists(description):
        raise UserError(
            f'{path}: an ONNX model without its description {description}; '
            'copy it too, or freeze the model again with freeze_graph.py'
        )


def find_onnx(graph, info, precision):
    """Return (path of a model's ONNX file or None, the reason why there is none or '').

    `graph` is `X.pb`, or an ONNX file itself. `info` comes from `read_beside(graph)`, which has
    checked the hash of `graph`.
    """
    if info is None:
        return None, f'there is no description {path_beside(graph)}'
    path, expected = onnx_path(graph, precision), info.onnx.get(precision)
    if not expected:
        return None, f'{path_beside(graph)} lists no ONNX file in {precision}'
    if path == os.fspath(graph):
        return path, ''
    if not os.path.isfile(path):
        return None, f'{path} does not exist'
    if graph_sha256(path) != expected:
        return None, (
            f'{path} is not the file that {path_beside(graph)} lists (the SHA-256 differs)'
        )
    return path, ''


def _is_description(content):
    return isinstance(content, dict) and 'format_version' in content


def _check_hash(graph, description, expected):
    if expected and graph_sha256(graph) != expected:
        if other := file_kinds.mistaken(graph, file_kinds.GRAPH):
            raise UserError(f'{graph}: {other}')
        raise UserError(
            f'{description}: does not describe {graph} (the SHA-256 differs); '
            'freeze the model again, or remove the description and pass flags'
        )


def _check_onnx(path, description, expected):
    if not expected or graph_sha256(path) != expected:
        why = 'the SHA-256 differs' if expected else f'it lists no file in {onnx_precision(path)}'
        raise UserError(
            f'{description}: does not describe {path} ({why}); freeze or export the model again'
        )


def graph_sha256(path):
    """Return the SHA-256 of a graph file."""
    try:
        return files.digest(path)
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}') from None


def read(path):
    """Read a model.json; raise UserError with file and key if it is invalid."""
    return _from_json(files.read_json(path), path)


def from_text(text, path):
    """Read the content of a model.json; a UserError names `path`."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f'{path}: not valid JSON ({error})') from None
    return _from_json(content, path)


def _from_json(content, path):
    if not _is_description(content):
        raise UserError(f'{path}: not the description of a model (no "format_version" in it)')
    _check_version(path, content.pop('format_version'))
    missing = sorted(_REQUIRED - content.keys())
    if missing:
        raise UserError(f'{path}: the key "{missing[0]}" is missing')
    known = {name: content.pop(name) for name in list(content) if name in _FIELDS}
    model_info_checks.check_types(path, known)
    known['class_names'] = tuple(known.get('class_names', ()))
    info = ModelInfo(**known, unknown=content)
    model_info_checks.check_values(path, info)
    return info


def _check_version(path, version):
    major = str(version).split('.')[0]
    if not major.isdigit():
        raise UserError(f'{path}: format_version {version!r} is not of the form "1.0"')
    if int(major) > FORMAT_VERSION[0]:
        raise UserError(
            f'{path}: written in format version {version} by a newer release of this toolkit; '
            f'this one reads up to {FORMAT_VERSION[0]}.x'
        )
