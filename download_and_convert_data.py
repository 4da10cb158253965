"""Convert pictures to TFRecord files: a published data set, which is downloaded, or your own.

python download_and_convert_data.py --dataset_name=flowers --dataset_dir=DIR
python download_and_convert_data.py --dataset_name=my_flower_5 --dataset_dir=DIR
python download_and_convert_data.py --train_directory=TRAIN --validation_directory=VALIDATION \\
    --labels_file=LABELS --output_directory=OUT
"""

import os
import shlex
import sys

from common import cli
from datasets.request import Request


def main(request):
    """Convert."""
    # Nothing here needs Keras 3, which takes a third of the time that TensorFlow needs to load.
    os.environ.setdefault('TF_USE_LEGACY_KERAS', '1')
    from datasets import sources

    sources.run(request, command=shlex.join(['python', *sys.argv]))


if __name__ == '__main__':
    cli.run(Request, main)
