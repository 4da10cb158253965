"""Say what is on pictures, with a trained classifier.

python classify_image.py --model=TRAIN_DIR picture.jpg
python classify_image.py --model=my_inception_v4_freeze.pb --format=csv FOLDER '*.png' > out.csv
python classify_image.py --model=inception_v4.ckpt --model_name=inception_v4 - < picture.jpg

Pictures are files, folders with all below them, patterns, or - for standard input. The exit status
is 1 when one of them was bad.
"""

import functools
import os

from absl import app, flags

from common import logs
from common.errors import UserError, exit_cleanly
from training import cli

FLAGS = flags.FLAGS


def _define_model_flags(group='The model'):
    string = functools.partial(flags.DEFINE_string, module_name=group)
    integer = functools.partial(flags.DEFINE_integer, module_name=group)
    boolean = functools.partial(flags.DEFINE_boolean, module_name=group)
    string('model', None, 'A training directory, a checkpoint, or a frozen graph (.pb).')
    string('model_name', None, 'The network, where no model.json says it.')
    string('label_file', None, 'The class names, `0:daisy` or one name a line.')
    integer('labels_offset', None, 'The label of the first output: 1 without a background class.')
    integer('image_size', None, 'Side of the pictures that the network takes.')
    string('preprocessing_name', None, 'Recipe of the pictures: inception, vgg, lenet, cifarnet.')
    boolean('use_grayscale', None, 'Whether the network takes pictures of one channel.')
    boolean('use_moving_averages', None, 'Whether to use the moving averages; else if trained so.')
    string('precision', 'float32', 'float32, bfloat16, or auto: the faster where classes agree.')


def _define_output_flags(group='What is printed'):
    integer = functools.partial(flags.DEFINE_integer, module_name=group)
    flags.DEFINE_string('format', 'table', 'table, csv or json.', module_name=group)
    integer('num_top_predictions', 5, 'Classes for each picture, best first.')
    integer('batch_size', 16, 'Pictures in one run of the network.')


def _define_graph_flags(group='Frozen graphs of other programs, as label_image knows them'):
    string = functools.partial(flags.DEFINE_string, module_name=group)
    integer = functools.partial(flags.DEFINE_integer, module_name=group)
    number = functools.partial(flags.DEFINE_float, module_name=group)
    string('input_layer', None, 'The node that takes pictures or pixels, if it is not found.')
    string('output_layer', None, 'The node that tells the classes, if no softmax is found.')
    number('input_mean', None, 'Taken off every pixel (0 .. 255) of the resized picture.')
    number('input_std', None, 'What every pixel is then divided by.')
    integer('input_width', None, 'Width of the pictures that the graph takes.')
    integer('input_height', None, 'Height of the pictures that the graph takes.')


_OLDER_NAMES = {
    'model_file': 'model',
    'graph': 'model',
    'labels': 'label_file',
    'image_file': None,
    'image': None,
}


def _define_flags():
    _define_model_flags()
    _define_output_flags()
    _define_graph_flags()
    for name, today in _OLDER_NAMES.items():
        meaning = f'The same as --{today}.' if today else 'A picture to classify.'
        flags.DEFINE_string(name, None, meaning, module_name=cli.OLDER_NAMES)


def main(arguments):
    """Turn the flags into options, and run the one call."""
    path = _typed('model')
    if not path:
        raise UserError('--model: name a training directory, a checkpoint or a frozen graph (.pb)')
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    logs.start()
    from serving import classify
    from serving.model_loading import ModelOptions

    pictures = [FLAGS[name].value for name in ('image_file', 'image') if FLAGS[name].value]
    model = ModelOptions(**_values(ModelOptions, path=path, label_file=_typed('label_file')))
    options = classify.ClassifyOptions(
        **_values(classify.ClassifyOptions, model=model, paths=(*pictures, *arguments[1:]))
    )
    return classify.classify(options)


def _values(kind, **known):
    """Return the values of the flags that are fields of a dataclass, by name; `known` ones win."""
    values = {name: FLAGS[name].value for name in kind.__dataclass_fields__ if name in FLAGS}
    return values | known


def _typed(name):
    """Return what a flag was given under any of its names."""
    names = [name, *(older for older, today in _OLDER_NAMES.items() if today == name)]
    given = {name: FLAGS[name].value for name in names if FLAGS[name].value is not None}
    if len(set(given.values())) > 1:
        (first, one), (second, other) = list(given.items())[:2]
        raise UserError(f'--{first}={one} and --{second}={other} mean the same: pass one of them')
    return next(iter(given.values()), None)


if __name__ == '__main__':
    _define_flags()
    exit_cleanly(app.run)(main, flags_parser=functools.partial(cli.parse, takes_names=True))
