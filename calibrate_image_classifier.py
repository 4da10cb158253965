"""Learn what a trained classifier does not know, from the pictures that it was trained on.

python calibrate_image_classifier.py --checkpoint_path=TRAIN_DIR --dataset_dir=DIR

Probabilities become honest, pictures of none of the classes are recognized, and doubtful pictures
get sets of classes. The results are written beside the checkpoint, which does not change; all
programs read them there, and exports contain them.
"""

from common import cli, logs, startup
from heads.limits.calibrate_options import CalibrateOptions


def main(options):
    """Calibrate."""
    logs.start()
    # Late: --help and mistakes in flags do not need TensorFlow.
    with startup.quiet():
        from heads.limits import program

    program.run(options)


if __name__ == '__main__':
    cli.run(CalibrateOptions, main)
