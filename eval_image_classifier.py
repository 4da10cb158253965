"""Evaluate a classifier: the newest checkpoint once, each new one of a training, a frozen model.

python eval_image_classifier.py --checkpoint_path=TRAIN_DIR --dataset_dir=DIR --eval_dir=OUT
python eval_image_classifier.py --checkpoint_path=TRAIN_DIR --dataset_dir=DIR --eval_dir=OUT \\
    --eval_interval_secs=60
python eval_image_classifier.py --checkpoint_path=inception_v4.ckpt --model_name=inception_v4 \\
    --dataset_name=imagenet --dataset_dir=DIR
python eval_image_classifier.py --checkpoint_path=my_inception_v4_freeze.pb --dataset_dir=DIR
"""

from common import cli, logs, startup
from training.evaluation.evaluation_options import EvaluationOptions


def main(options):
    """Evaluate."""
    logs.start()
    # Late: --help and mistakes in flags do not need TensorFlow.
    with startup.quiet():
        from serving.model import frozen_models
        from training.evaluation import program

    program.run(options, load_frozen=frozen_models.load)


if __name__ == '__main__':
    cli.run(EvaluationOptions, main)
