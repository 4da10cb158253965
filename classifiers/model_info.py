"""model.json: the description from which a trained classifier can be built again.

The file is beside the checkpoints of a training directory. A graph `X.pb` has the same content in
`X.json`; for any other ending, the ending is part of the name.
"""

import dataclasses
import os

from classifiers import checkpoint_paths, file_kinds, model_info_checks
from common import files, imagenet
from common.errors import UserError

FILE_NAME = 'model.json'
LABEL_SUFFIX = '.label'  # The ending of the file with the class names for other programs.
_GRAPHS = ('.pb', '.pbtxt')
FORMAT_VERSION = (1, 0)  # A new major number is not compatible; a new minor number adds keys.


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
    # 'features', 'output'), the hash of the .pb file, and the versions of the programs.
    nodes: dict[str, str] = dataclasses.field(default_factory=dict)
    graph_sha256: str = ''
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
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
    `lenet.v3` are two graphs.
    """
    graph = os.fspath(graph)
    name, ending = os.path.splitext(graph)
    return (name if ending in _GRAPHS else graph) + suffix


def is_graph(path):
    """Return whether `path` is a graph, not a checkpoint or a directory."""
    path = os.fspath(path)
    if path.endswith(_GRAPHS):
        return True
    prefix = checkpoint_paths.prefix_of(path)
    if '.ckpt' in os.path.basename(path) or os.path.exists(f'{prefix}.index'):
        return False
    return os.path.isfile(path) and file_kinds.tensorflow_kind(path) != file_kinds.CHECKPOINT


def path_beside(path):
    """Return the path of the description of a directory, a checkpoint or a graph."""
    path = os.fspath(path)
    if path.endswith('.json'):
        return path
    if is_graph(path):
        return beside_graph(path)
    directory = path if os.path.isdir(path) else os.path.dirname(path)
    return os.path.join(directory, FILE_NAME)


def read_beside(path):
    """Read the description of a directory, a checkpoint or a graph; None if there is none.

    The hash of a graph must be the one in its description.
    """
    description = path_beside(path)
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


def _is_description(content):
    return isinstance(content, dict) and 'format_version' in content


def _check_hash(graph, description, expected):
    if expected and graph_sha256(graph) != expected:
        raise UserError(
            f'{description}: does not describe {graph} (the SHA-256 differs); '
            'freeze the model again, or remove the description and pass flags'
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
