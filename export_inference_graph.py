"""Export the graph of a network, or a trained classifier as one file for other programs.

python export_inference_graph.py --model_name=inception_v3 --output_file=GRAPH.pb
python export_inference_graph.py --checkpoint_path=TRAIN_DIR --output_file=GRAPH.pb
python export_inference_graph.py --checkpoint_path=TRAIN_DIR --format=saved_model --output_file=DIR
python export_inference_graph.py --summarize=MODEL
"""

from absl import flags

from common import flag_tables as cli

FLAGS = flags.FLAGS
_MOST_USED = ('checkpoint_path', 'model_name', 'output_file', 'format', 'summarize')
_WHAT = (
    ('path', 'checkpoint_path', None, 'A checkpoint, or a directory of them with model.json.'),
    ('string', 'model_name', None, "The network; else the checkpoint's, else inception_v3."),
    ('string', 'dataset_name', None, "Whose classes to tell; else the checkpoint's, or imagenet."),
    ('path', 'dataset_dir', None, "Where that data set's manifest or labels lie."),
    ('integer', 'labels_offset', None, 'The label of output 0; 0 unless given.'),
    ('integer', 'image_size', None, "The input's side; else the checkpoint's or the network's."),
    ('string', 'preprocessing_name', None, "The recipe; else the checkpoint's or the network's."),
    ('boolean', 'use_grayscale', None, 'Pictures of one channel.'),
    ('boolean', 'use_moving_averages', None, 'Take the moving averages; else as model.json says.'),
)
_HOW = (
    ('path', 'output_file', None, 'The file; with saved_model a new directory.'),
    (
        ['graph_def', 'frozen', 'saved_model', 'tflite', 'onnx'],
        'format',
        'graph_def',
        'graph_def is the graph without weights, for freeze_graph.py; the others need a '
        'checkpoint.',
    ),
    ('boolean', 'write_text_graphdef', False, 'Write the GraphDef as text.'),
    ('boolean', 'for_app', False, 'Leave `input` alone: pixels, no encoded bytes.'),
    ('boolean', 'is_training', False, 'The graph as it is in training.'),
    ('integer', 'batch_size', None, 'A fixed batch size; else any.'),
    (['float32', 'float16', 'int8'], 'tflite_precision', 'float32', 'how tflite rounds.'),
    ('integer', 'num_calibration_pictures', 100, 'Pictures of the data set to fit int8 to.'),
    ('integer', 'num_check_pictures', 10, 'Pictures to compare the new format and the graph on.'),
)
_HOLDS = (
    (
        'path',
        'summarize',
        None,
        'List inputs, outputs and sizes of this graph, MetaGraph, checkpoint, training directory '
        'or SavedModel.',
    ),
)
_NO_VIDEOS = 'there are no networks for videos here'
_DEAD = (
    cli.Dead('quantize', False, 'use --format=tflite --tflite_precision=int8 in its place'),
    cli.Dead('is_video_model', False, _NO_VIDEOS),
)
_NO_FRAMES = cli.Dead('num_frames', None, _NO_VIDEOS)
_OLDER = (
    ('integer', 'default_image_size', None, 'The same as --image_size.'),
    *cli.without_effect(_DEAD),
    ('integer', 'num_frames', None, f'Without effect: {_NO_VIDEOS}.'),
)
_GROUPS = {
    'What to export': _WHAT,
    'How to write it': _HOW,
    'What a model holds': _HOLDS,
    cli.OLDER_NAMES: _OLDER,
}


def main(_):
    """Turn the flags into options, and export; or summarize."""
    cli.refuse_dead((*_DEAD, _NO_FRAMES))
    size = cli.either('image_size', 'default_image_size')
    from common import logs, startup
    from serving import early_checks

    early_checks.exporting(FLAGS.checkpoint_path, FLAGS.summarize)
    with startup.quiet():
        from serving.export import export
        from serving.graphdef import summarize

    if FLAGS.summarize:
        print('\n'.join(summarize.summarize(FLAGS.summarize)))
        return
    logs.start()
    export.export(cli.filled(export.ExportOptions, image_size=size))


if __name__ == '__main__':
    cli.define(_GROUPS)
    cli.run(main, most_used=_MOST_USED, page='docs/exporting.md')
