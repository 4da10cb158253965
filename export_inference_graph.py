"""Export the graph of a network, or a trained classifier as one file for other programs.

python export_inference_graph.py --model_name=inception_v3 --output_file=GRAPH.pb
python export_inference_graph.py --checkpoint_path=TRAIN_DIR --output_file=GRAPH.pb
python export_inference_graph.py --checkpoint_path=TRAIN_DIR --format=saved_model --output_file=DIR
python export_inference_graph.py --summarize=GRAPH.pb
"""

from absl import app, flags

from common.errors import UserError, exit_cleanly
from training import cli

FLAGS = flags.FLAGS

_WHAT = {'module_name': 'What to export'}
flags.DEFINE_string(
    'checkpoint_path', None, 'A checkpoint, or a directory of them: its model.json tells the rest.',
    **_WHAT,
)  # fmt: skip
flags.DEFINE_string('model_name', None, 'The network; else inception_v3.', **_WHAT)
flags.DEFINE_string('dataset_name', None, 'Whose classes to tell; else imagenet.', **_WHAT)
flags.DEFINE_string('dataset_dir', None, "Where that data set's manifest or labels lie.", **_WHAT)
flags.DEFINE_integer('labels_offset', None, 'The label of output 0; 0 unless given.', **_WHAT)
flags.DEFINE_integer('image_size', None, "The input's side; else the network's own.", **_WHAT)
flags.DEFINE_string('preprocessing_name', None, "The recipe; else the network's own.", **_WHAT)
flags.DEFINE_boolean('use_grayscale', None, 'Pictures of one channel.', **_WHAT)
flags.DEFINE_boolean(
    'use_moving_averages', None, 'Take the moving averages; else as model.json says.', **_WHAT
)
_HOW = {'module_name': 'How to write it'}
flags.DEFINE_string('output_file', None, 'The file; with saved_model a new directory.', **_HOW)
flags.DEFINE_enum(
    'format', 'graph_def', ['graph_def', 'frozen', 'saved_model', 'tflite', 'onnx'],
    'graph_def is the graph without weights, for freeze_graph.py; the others need a checkpoint.',
    **_HOW,
)  # fmt: skip
flags.DEFINE_boolean('write_text_graphdef', False, 'Write the GraphDef as text.', **_HOW)
flags.DEFINE_boolean('for_app', False, 'Leave `input` alone: pixels, no encoded bytes.', **_HOW)
flags.DEFINE_boolean('is_training', False, 'The graph as it is in training.', **_HOW)
flags.DEFINE_integer('batch_size', None, 'A fixed batch size; else any.', **_HOW)
flags.DEFINE_enum(
    'tflite_precision', 'float32', ['float32', 'float16', 'int8'], 'How tflite rounds.', **_HOW
)
flags.DEFINE_integer(
    'num_calibration_pictures', 100, 'Pictures of the data set that int8 is fitted to.', **_HOW
)
flags.DEFINE_integer(
    'num_check_pictures', 10, 'Pictures to compare the new format with the graph on.', **_HOW
)
flags.DEFINE_string(
    'summarize', None, 'Only list inputs, outputs, variables and operations of this graph.',
    module_name='What a graph holds',
)  # fmt: skip
_OLD = {'module_name': cli.OLDER_NAMES}
flags.DEFINE_integer('default_image_size', None, 'The same as --image_size.', **_OLD)
_DEAD = (
    cli.Dead('quantize', False, 'use --format=tflite --tflite_precision=int8 in its place'),
    cli.Dead('is_video_model', False, 'there are no networks for videos here'),
)
for dead in _DEAD:
    flags.DEFINE_boolean(dead.name, dead.default, f'Without effect: {dead.reason}.', **_OLD)
_NO_FRAMES = cli.Dead('num_frames', None, _DEAD[1].reason)
flags.DEFINE_integer('num_frames', None, f'Without effect: {_NO_FRAMES.reason}.', **_OLD)


def main(_):
    """Turn the flags into options, and export; or summarize."""
    cli.refuse_dead((*_DEAD, _NO_FRAMES), FLAGS)
    size = _image_size()
    from common import logs
    from serving import export, summarize

    if FLAGS.summarize:
        print('\n'.join(summarize.summarize(FLAGS.summarize)))
        return
    logs.start()
    known = export.ExportOptions.__dataclass_fields__
    values = {name: FLAGS[name].value for name in known}
    export.export(export.ExportOptions(**{**values, 'image_size': size}))


def _image_size():
    """Return the size that was asked for under either name, or None."""
    size, older = FLAGS.image_size, FLAGS.default_image_size
    if None not in (size, older) and size != older:
        raise UserError(
            f'--image_size={size} and --default_image_size={older} contradict each other:'
            ' they mean the same, pass one of them'
        )
    return older if size is None else size


if __name__ == '__main__':
    exit_cleanly(app.run)(main, flags_parser=cli.parse)
