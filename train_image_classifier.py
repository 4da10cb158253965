"""Train an image classifier: from random weights or from a checkpoint, or resume a run.

python train_image_classifier.py --dataset_name=flowers --dataset_dir=DIR --train_dir=RUN
python train_image_classifier.py --dataset_name=flowers --dataset_dir=DIR --train_dir=RUN \\
    --model_name=inception_v4 --checkpoint_path=inception_v4.ckpt \\
    --trainable_scopes=InceptionV4/Logits,InceptionV4/AuxLogits
"""

from common import cli, logs, startup
from training.options import TrainOptions


def main(options):
    """Train."""
    logs.start()
    # Late: --help and mistakes in flags do not need TensorFlow.
    with startup.quiet():
        from training import train

    return train.train(options)


if __name__ == '__main__':
    cli.run(TrainOptions, main)
