"""Look for copies, doubtful labels and faulty pictures in a data set, and write a page about them.

python audit_dataset.py --dataset_dir=DIR
python audit_dataset.py --dataset_dir=DIR --dataset_name=flowers --checkpoint_path=TRAIN_DIR
python audit_dataset.py --dataset_dir=DIR --checkpoint_path=mobilenet_v1_1.0_224.ckpt \\
    --model_name=mobilenet_v1

The data set is not changed. The page and a table of all findings are written to DIR/audit.
"""

from common import cli, logs, startup
from heads.audit.audit_options import AuditOptions


def main(options):
    """Audit."""
    logs.start()
    # Late: --help and mistakes in flags do not need TensorFlow.
    with startup.quiet():
        from heads.audit import program

    program.run(options)


if __name__ == '__main__':
    cli.run(AuditOptions, main)
