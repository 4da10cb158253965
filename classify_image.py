"""Say what is on pictures, with a trained classifier.

python classify_image.py --model=TRAIN_DIR picture.jpg
python classify_image.py --model=my_inception_v4_freeze.pb --format=csv FOLDER '*.png' > out.csv
python classify_image.py --model=inception_v4.ckpt --model_name=inception_v4 - < picture.jpg

Pictures are files, folders with all below them, patterns, or - for standard input. The exit status
is 1 when one of them was bad.
"""

from absl import flags

from common import flag_tables as cli
from common import logs, startup
from common.errors import UserError

FLAGS = flags.FLAGS
_MOST_USED = ('model', 'label_file', 'model_name', 'format', 'num_top_predictions')
_MODEL = (
    ('path', 'model', None, 'A training directory, a checkpoint, or a frozen graph (.pb).'),
    ('string', 'model_name', None, 'The network, where no model.json says it.'),
    ('path', 'label_file', None, 'The class names, `0:daisy` or one name a line.'),
    ('integer', 'labels_offset', None, 'The label of the first output: 1 without a background.'),
    ('integer', 'image_size', None, 'Side of the pictures that the network takes.'),
    ('string', 'preprocessing_name', None, 'Recipe of the pictures: inception, vgg, lenet, ...'),
    ('boolean', 'use_grayscale', None, 'Whether the network takes pictures of one channel.'),
    ('boolean', 'use_moving_averages', None, 'Use the moving averages; untyped, if trained so.'),
    ('string', 'precision', 'float32', 'float32, bfloat16, or auto: the faster that agrees.'),
)
_OUTPUT = (
    ('string', 'format', 'table', 'table, csv or json.'),
    ('integer', 'num_top_predictions', 5, 'Classes for each picture, best first.'),
    ('integer', 'batch_size', 16, 'Pictures in one run of the network.'),
)
_GRAPH = (
    ('string', 'input_layer', None, 'The node that takes pictures or pixels, if it is not found.'),
    ('string', 'output_layer', None, 'The node that tells the classes, if no softmax is found.'),
    ('float', 'input_mean', None, 'Taken off every pixel (0 .. 255) of the resized picture.'),
    ('float', 'input_std', None, 'What every pixel is then divided by.'),
    ('integer', 'input_width', None, 'Width of the pictures that the graph takes.'),
    ('integer', 'input_height', None, 'Height of the pictures that the graph takes.'),
    ('boolean', 'allow_unsafe_graph', False, 'Run a graph even if it may read or change files.'),
)
_OLDER = (
    ('path', 'model_file', None, 'The same as --model.'),
    ('path', 'graph', None, 'The same as --model.'),
    ('path', 'labels', None, 'The same as --label_file.'),
    ('path', 'image_file', None, 'A picture to classify.'),
    ('path', 'image', None, 'A picture to classify.'),
)
_GROUPS = {
    'The model': _MODEL,
    'What is printed': _OUTPUT,
    'Frozen graphs of other programs, as label_image knows them': _GRAPH,
    cli.OLDER_NAMES: _OLDER,
}


def main(arguments):
    """Turn the flags into options, and run the one call."""
    path = cli.either('model', 'model_file', 'graph')
    if not path:
        raise UserError('--model: name a training directory, a checkpoint or a frozen graph (.pb)')
    label_file = cli.either('label_file', 'labels')
    pictures = [FLAGS[name].value for name in ('image_file', 'image') if FLAGS[name].value]
    paths = (*pictures, *arguments[1:])
    from serving import early_checks

    early_checks.classification(path, label_file, paths)
    logs.start()
    with startup.quiet(startup.FATAL):
        from serving.model.model_options import ModelOptions
        from serving.terminal import classify

    model = cli.filled(ModelOptions, path=path, label_file=label_file)
    return classify.classify(cli.filled(classify.ClassifyOptions, model=model, paths=paths))


if __name__ == '__main__':
    cli.define(_GROUPS)
    cli.run(main, most_used=_MOST_USED, page='docs/classifying.md', takes_names=True)
