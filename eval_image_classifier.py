"""Evaluate a trained classifier: the newest checkpoint once, or each one while training goes on.

python eval_image_classifier.py --checkpoint_path=TRAIN_DIR --dataset_dir=DIR --eval_dir=OUT
python eval_image_classifier.py --checkpoint_path=TRAIN_DIR --dataset_dir=DIR --eval_dir=OUT \\
    --eval_interval_secs=60
python eval_image_classifier.py --checkpoint_path=inception_v4.ckpt --model_name=inception_v4 \\
    --dataset_name=imagenet --dataset_dir=DIR
"""

from absl import app

from common import logs
from common.errors import exit_cleanly
from training import cli


def main(_):
    """Turn the flags into options, and evaluate."""
    options = cli.evaluation_options()
    logs.start()
    from training import evaluation

    evaluation.run(options)


if __name__ == '__main__':
    cli.define_evaluation_flags()
    exit_cleanly(app.run)(main, flags_parser=cli.parse)
