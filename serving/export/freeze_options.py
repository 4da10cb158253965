"""The options of freeze_graph.py, whose names are those of TensorFlow's own tool."""

import contextlib
import dataclasses
import os

from classifiers import checkpoint_paths, file_kinds, model_info
from common.checks import Range
from common.errors import UserError
from common.options import Dead, Ignored, ProgramOptions, option
from datasets.records import record_files
from serving import early_checks
from serving.export.export_options import require_writable

WHAT = 'What to freeze'
HOW = 'How to freeze it'
ONNX = 'The ONNX files'


@dataclasses.dataclass(frozen=True)
class FreezeOptions(ProgramOptions):
    """What to freeze, and how; None means not given."""

    page = 'docs/exporting.md'
    most_used = ('input_graph', 'input_checkpoint', 'output_node_names', 'output_graph')
    unused = (
        Ignored('restore_op_name', 'save/restore_all', "as in TensorFlow's tool"),
        Ignored('filename_tensor_name', 'save/Const:0', "as in TensorFlow's tool"),
        Ignored('checkpoint_version', 2, 'both versions are read'),
        *(
            Dead(name, default, 'only a graph with a checkpoint can be frozen here')
            for name, default in (
                ('input_saved_model_dir', ''),
                ('saved_model_tags', 'serve'),
                ('variable_names_whitelist', ''),
                ('variable_names_denylist', ''),
                ('variable_names_blacklist', ''),
            )
        ),
    )

    # What to freeze
    input_graph: str | None = option(WHAT, None, 'A GraphDef of any program.', is_path=True)
    input_checkpoint: str | None = option(
        WHAT, None, 'The weights; of a directory the newest checkpoint is taken.', is_path=True
    )
    output_graph: str | None = option(
        WHAT,
        None,
        'NAME.pb; NAME.json, NAME.label and NAME.onnx are written beside it.',
        is_path=True,
    )
    output_node_names: tuple[str, ...] = option(
        WHAT, (), 'The nodes to keep, separated by commas.', older=('output_node_name',)
    )
    input_meta_graph: str | None = option(
        WHAT, None, 'A MetaGraph (.meta) to take the graph from instead.', is_path=True
    )

    # Never read, because the content of a file shows its kind; kept for existing commands.
    input_binary: bool = option(WHAT, False, 'Accepted; text and binary files are recognized.')

    # How to freeze it
    use_moving_averages: bool | None = option(
        HOW, None, 'Freeze the moving averages; by default as model.json says.'
    )
    model_name: str | None = option(
        HOW, None, 'The network, if neither the graph nor the checkpoint names it.'
    )
    limits: bool = option(
        HOW, True, 'Append what calibrate_image_classifier.py learnt about the checkpoint.'
    )
    clear_devices: bool = option(HOW, True, 'Remove the device that each node was placed on.')
    initializer_nodes: tuple[str, ...] = option(HOW, (), 'Nodes to run before freezing.')
    allow_unsafe_graph: bool = option(
        HOW, False, 'Accept a graph even if it can read or change files.'
    )
    input_saver: str | None = option(
        HOW, None, "A SaverDef, to restore with the graph's own saver.", is_path=True
    )

    # The ONNX files
    onnx: bool = option(
        ONNX, True, 'Also write NAME.onnx, which needs no TensorFlow and is faster on a CPU.'
    )
    dataset_dir: str | None = option(
        ONNX,
        None,
        'Records with pictures to check the ONNX files on; by default drawn pictures.',
        is_path=True,
    )
    dataset_name: str | None = option(
        ONNX, None, "The data set of these records; by default the checkpoint's."
    )
    int8: bool = option(
        ONNX, False, 'Also write NAME.int8.onnx with 8-bit integers; needs --dataset_dir.'
    )
    int8_max_drop: float = option(
        ONNX, 0.5, 'The most points of accuracy that NAME.int8.onnx may lose.', Range(0, 100)
    )

    @property
    def graph_path(self):
        """Return the file that holds the graph."""
        return self.input_graph or self.input_meta_graph

    def check_files(self):
        """Check that everything is named, can be read, and can be written."""
        if self.input_graph and self.input_meta_graph:
            raise self.mistake('input_meta_graph', '--input_graph is given too; pass one of them')
        if self.int8:
            self._check_int8()
        if self.output_graph:
            self._check_output()
        if self.input_graph:
            early_checks.graph(self.input_graph)
        if self.input_meta_graph:
            early_checks.graph(self.input_meta_graph, file_kinds.META_GRAPH)
        if self.input_checkpoint:
            checkpoint_paths.require(self.input_checkpoint)
        if not self.graph_path:
            raise UserError('--input_graph or --input_meta_graph is missing')
        for flag in ('input_checkpoint', 'output_graph', 'output_node_names'):
            if not getattr(self, flag):
                raise UserError(f'--{flag} is missing')

    def _check_int8(self):
        if not self.onnx:
            raise self.mistake('int8', 'is made from the float32 ONNX file; remove --noonnx')
        if not self.dataset_dir:
            raise self.mistake(
                'int8', 'needs --dataset_dir: pictures to quantize with and to check the result on'
            )
        record_files.require(self.dataset_dir, self.dataset_name or self._described(), 'train')

    def _described(self):
        """Return the data set that the model's description names, or None."""
        for path in filter(None, (self.input_checkpoint, self.graph_path)):
            # A mistake in a description is reported when it is read to be used.
            with contextlib.suppress(UserError):
                info = model_info.read_beside(path)
                if info and info.dataset_name:
                    return info.dataset_name
        return None

    def _check_output(self):
        require_writable('output_graph', self.output_graph)
        if model_info.onnx_precision(self.output_graph):
            raise self.mistake('output_graph', 'must not end in .onnx; name the graph NAME.pb')
        given = self.graph_path
        if given and os.path.realpath(given) == os.path.realpath(self.output_graph):
            raise self.mistake('output_graph', 'is the input graph; name another file')
