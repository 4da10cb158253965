"""Evaluate a trained classifier: the newest checkpoint once, or each one while training goes on.

python eval_image_classifier.py --checkpoint_path=TRAIN_DIR --dataset_dir=DIR --eval_dir=OUT
python eval_image_classifier.py --checkpoint_path=TRAIN_DIR --dataset_dir=DIR --eval_dir=OUT \\
    --eval_interval_secs=60
python eval_image_classifier.py --checkpoint_path=inception_v4.ckpt --model_name=inception_v4 \\
    --dataset_name=imagenet --dataset_dir=DIR
"""

from common import cli, logs
from training import cli as training_cli
from training import early_checks


def main(_):
    """Turn the flags into options, and evaluate."""
    options = training_cli.evaluation_options()
    early_checks.evaluation(options)
    logs.start()
    from training.evaluation import program

    program.run(options)


if __name__ == '__main__':
    training_cli.define_evaluation_flags()
    cli.run(main, most_used=training_cli.EVALUATION_MOST_USED, page='docs/evaluation.md')
