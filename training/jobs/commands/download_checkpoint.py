"""Download a released checkpoint, check it, and describe it in a model.json beside it."""

import argparse
import os

from classifiers import released_archives
from common.errors import UserError
from nets import released
from training.jobs import programs, settings

_MIRROR = 'SLIM_CHECKPOINT_MIRROR'


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise UserError(f'{message}; --help lists the arguments')


def main(call):
    """List all releases, or download one and propose the training."""
    known = settings.read()
    parser = _parser(call.usage(), known.pretrained_dir)
    typed = parser.parse_args(call.arguments)
    if not typed.model:
        _list()
        return
    programs.run(fetching(typed.model, typed.directory, typed.mirror or ''), known.environment)
    release = released_archives.find_release(typed.model)
    path = released_archives.checkpoint(release, typed.directory)
    known = settings.read(MODEL_NAME=release.network, CHECKPOINT_PATH=path)
    call.propose(known, 'run_train.sh')


def _parser(usage, directory):
    parser = _Parser(
        prog='download_checkpoint.sh',
        description=usage,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Without MODEL, all checkpoints are listed.',
    )
    parser.add_argument(
        'model', nargs='?', metavar='MODEL', help='inception_v4, mobilenet_v1_0.50_160, ...'
    )
    parser.add_argument(
        'directory',
        nargs='?',
        metavar='DIRECTORY',
        default=directory,
        help='the files are put into DIRECTORY/NAME (default: PRETRAINED_DIR, %(default)s)',
    )
    parser.add_argument(
        '--mirror',
        default=os.environ.get(_MIRROR),
        help=f'address or path of the archives, in place of {released.BASE_URL} '
        f'(default: {_MIRROR})',
    )
    return parser


def _list():
    print(f'{"checkpoint":<24} {"network":<20} pixels classes  top-1  top-5')
    for release in released.RELEASES.values():
        accuracies = ''.join(f'{value or "-":>7}' for value in (release.top_1, release.top_5))
        print(
            f'{release.name:<24} {release.network:<20} {release.image_size:>6} '
            f'{release.classes:>7}{accuracies}'
        )


def fetching(name, directory, mirror=''):
    """Return the command that runs `fetch`, and loads TensorFlow, in a process of its own."""
    return programs.function(__name__, 'fetch', name, directory, mirror)


def fetch(name, directory, mirror=''):
    """Download and check what `name` means, unless it is there, and print what it is."""
    mirror = mirror or os.environ.get(_MIRROR)
    release = released_archives.find_release(name)
    if release:
        _mention_others(name, release)
        if not released_archives.is_there(release, directory):
            released_archives.fetch(release, directory, mirror)
    # Late: the list, --help and an archive that cannot be downloaded need no TensorFlow.
    from common import logs, startup

    startup.set_verbosity(False)
    with startup.quiet():
        from classifiers import pretrained

    logs.start()
    release = pretrained.choose(name)
    found = pretrained.fetch(release, directory, mirror)
    state = 'fetched' if found.is_new else 'already there'
    print(f'{state}, all {found.variables} variables as {release.network} has them: {found.path}')


def _mention_others(name, release):
    others = [r.name for r in released.by_network(release.network) if r is not release]
    if name == release.network and others:
        print(f'{name}: {release.name}; there are also {", ".join(others)}', flush=True)
