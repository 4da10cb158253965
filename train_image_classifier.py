"""Train an image classifier: from scratch, from a checkpoint, or on from where a run stopped.

python train_image_classifier.py --dataset_name=flowers --dataset_dir=DIR --train_dir=RUN
python train_image_classifier.py --dataset_name=flowers --dataset_dir=DIR --train_dir=RUN \\
    --model_name=inception_v4 --checkpoint_path=inception_v4.ckpt \\
    --trainable_scopes=InceptionV4/Logits,InceptionV4/AuxLogits
"""

from common import cli, logs
from training import cli as training_cli
from training import early_checks


def main(_):
    """Turn the flags into options, and train."""
    options = training_cli.training_options()
    early_checks.training(options)
    logs.start()
    # Late: --help and mistakes in flags have no need of TensorFlow.
    from training import train

    return train.train(options)


if __name__ == '__main__':
    training_cli.define_training_flags()
    cli.run(main, most_used=training_cli.TRAINING_MOST_USED, page='docs/training.md')
