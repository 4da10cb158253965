"""Freeze an exported graph with a checkpoint's weights, ready to be served.

python freeze_graph.py --input_graph=GRAPH.pb --input_checkpoint=TRAIN_DIR --input_binary=True \\
    --output_node_names=InceptionV4/Logits/Predictions --output_graph=FROZEN.pb
python freeze_graph.py --input_meta_graph=TRAIN_DIR/model.ckpt-100.meta \\
    --input_checkpoint=TRAIN_DIR/model.ckpt-100 --output_node_names=OUTPUT --output_graph=FROZEN.pb
"""

from common import cli, logs, startup
from serving.export.freeze_options import FreezeOptions


def main(options):
    """Freeze."""
    logs.start()
    # Late: --help and mistakes in flags do not need TensorFlow.
    with startup.quiet():
        from serving.export import freeze

    freeze.freeze(options)


if __name__ == '__main__':
    cli.run(FreezeOptions, main)
