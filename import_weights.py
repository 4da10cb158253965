"""Import weights of other programs: write a checkpoint that the programs here train and serve.

python import_weights.py --source=inception_v4.safetensors --output=DIR
python import_weights.py --source=resnet50.pth --model_name=resnet_v1b_50 --output=DIR --verify
python import_weights.py --list

--output gets MODEL_NAME.ckpt and model.json (network, classes, image size, preprocessing); all
programs take the directory as --checkpoint_path. Files of PyTorch are read without executing code.
"""

from common import cli, startup
from weights.import_options import ImportOptions


def main(options):
    """Import, or list what can be imported."""
    if options.list:
        # Late, as is TensorFlow: --help does not need the layouts.
        from weights import listing

        print('\n'.join(listing.lines(options.model_name)))
        return
    with startup.quiet():
        from weights import program

    program.run(options)


if __name__ == '__main__':
    cli.run(ImportOptions, main)
