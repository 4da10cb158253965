"""Classify pictures with a trained classifier.

python classify_image.py --model=TRAIN_DIR picture.jpg
python classify_image.py --model=my_inception_v4_freeze.pb --format=csv FOLDER '*.png' > out.csv
python classify_image.py --model=inception_v4.ckpt --model_name=inception_v4 - < picture.jpg

Pictures are files, folders with everything below them, patterns, or - for standard input. The exit
status is 1 if a picture could not be classified.
"""

from common import cli, logs
from serving.terminal.classify_options import ClassifyOptions


def main(options):
    """Classify."""
    logs.start()
    # Late: --help and mistakes in flags do not need it.
    from serving.terminal import classify

    return classify.classify(options)


if __name__ == '__main__':
    cli.run(ClassifyOptions, main)
