"""Export the graph of a network, or a trained classifier as one file for other programs.

python export_inference_graph.py --model_name=inception_v3 --output_file=GRAPH.pb
python export_inference_graph.py --checkpoint_path=TRAIN_DIR --output_file=GRAPH.pb
python export_inference_graph.py --checkpoint_path=TRAIN_DIR --format=saved_model --output_file=DIR
python export_inference_graph.py --summarize=MODEL
"""

from common import cli, logs, startup
from serving.export.export_options import ExportOptions


def main(options):
    """Export, or summarize a model."""
    logs.start()
    # Late: --help and mistakes in flags do not need TensorFlow.
    with startup.quiet():
        from serving.export import export
        from serving.graphdef import summarize

    if options.summarize:
        print('\n'.join(summarize.summarize(options.summarize)))
        return
    export.export(options)


if __name__ == '__main__':
    cli.run(ExportOptions, main)
