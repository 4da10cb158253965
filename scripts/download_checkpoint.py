"""Fetch a released checkpoint; scripts/download_checkpoint.sh tells how to use it."""

import argparse
import os
import sys

from classifiers import released_archives
from common.errors import UserError, exit_cleanly
from nets import released


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise UserError(f'{message}; --help tells what there is')


def _arguments():
    parser = _Parser(
        prog='download_checkpoint.sh',
        description='Fetch a checkpoint that was trained on ImageNet, and check it.',
        epilog='Without a MODEL, the list of all.',
    )
    parser.add_argument(
        'model', nargs='?', metavar='MODEL', help='inception_v4, mobilenet_v1_0.50_160, ...'
    )
    parser.add_argument(
        'directory',
        nargs='?',
        metavar='DIRECTORY',
        default=os.environ['PRETRAINED_DIR'],
        help='it comes into DIRECTORY/NAME (%(default)s, from PRETRAINED_DIR)',
    )
    parser.add_argument(
        '--mirror',
        default=os.environ.get('SLIM_CHECKPOINT_MIRROR'),
        help=f'address or path where the archives lie, in place of {released.BASE_URL} '
        '(%(default)s, from SLIM_CHECKPOINT_MIRROR)',
    )
    return parser.parse_args()


def _list():
    print(f'{"checkpoint":<24} {"network":<20} pixels classes  top-1  top-5')
    for release in released.RELEASES.values():
        accuracies = ''.join(f'{value or "-":>7}' for value in (release.top_1, release.top_5))
        print(
            f'{release.name:<24} {release.network:<20} {release.image_size:>6} '
            f'{release.classes:>7}{accuracies}'
        )


def _mention_others(name, release):
    others = [r.name for r in released.by_network(release.network) if r is not release]
    if name == release.network and others:
        print(f'{name}: {release.name}; there are also {", ".join(others)}', flush=True)


@exit_cleanly
def main():
    """Fetch what the command line names, and say what it is good for."""
    arguments = _arguments()
    if not arguments.model:
        return _list()
    release = released_archives.find(arguments.model)
    if release:
        _mention_others(arguments.model, release)
        if not released_archives.is_there(release, arguments.directory):
            released_archives.fetch(release, arguments.directory, arguments.mirror)
    # Late: the list, --help and an archive that cannot be had have no need of TensorFlow.
    from common import logs, startup

    startup.set_verbosity(False)
    with startup.quiet():
        from classifiers import pretrained

    logs.start()
    release = pretrained.choose(arguments.model)
    found = pretrained.fetch(release, arguments.directory, arguments.mirror)
    state = 'fetched' if found.is_new else 'already there'
    print(f'{state}, all {found.variables} variables as {release.network} has them: {found.path}')


if __name__ == '__main__':
    sys.exit(main())
