"""Serve a trained classifier as a web page and an HTTP API.

python server.py --model_name=my_inception_v4_freeze.pb
python server.py --model_name=TRAIN_DIR --host=0.0.0.0 --api_key_file=keys.txt
"""

from common import cli
from serving.web.server_options import ServerOptions


def main(options):
    """Serve."""
    from serving.web import lifecycle

    return lifecycle.serve(options)


if __name__ == '__main__':
    cli.run(ServerOptions, main)
