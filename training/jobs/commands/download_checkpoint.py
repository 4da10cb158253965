"""Download a released checkpoint, check it, and describe it in a model.json beside it."""

import os

from classifiers.published import released_archives
from common import download
from nets import released
from training.jobs import programs, settings
from training.jobs.command_line import Parser

_MIRROR = 'SLIM_CHECKPOINT_MIRROR'


def main(call):
    """List all releases, or download one and propose the training."""
    call.answer_help()
    known = settings.read()
    typed = _parse(call.arguments, known.pretrained_dir)
    if not typed.model:
        _list()
        return
    programs.run(fetching(typed.model, typed.directory, typed.mirror), known.environment)
    release = released_archives.find_release(typed.model)
    path = released_archives.checkpoint(release, typed.directory)
    known = settings.read(MODEL_NAME=release.network, CHECKPOINT_PATH=path)
    call.propose(known, 'run_train.sh')


def _parse(typed, directory):
    parser = Parser()
    parser.add_argument('model', nargs='?')
    parser.add_argument('directory', nargs='?', default=directory)
    parser.add_argument('--mirror', default='')
    return parser.parse_args(typed)


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


def asking(name, mirror=''):
    """Return the command that runs `ask` in a process of its own."""
    return programs.function(__name__, 'ask', name, mirror)


def ask(name, mirror=''):
    """Print why the archive of a release cannot be reached, or nothing; takes a few seconds."""
    release = released_archives.find_release(name)
    print(download.unreachable(released_archives.address(release, _mirror(mirror))))


def fetch(name, directory, mirror=''):
    """Download and check what `name` means, unless it is there, and print what it is."""
    mirror = _mirror(mirror)
    release = released_archives.find_release(name)
    if release:
        _mention_others(name, release)
        if not released_archives.is_there(release, directory):
            released_archives.fetch(release, directory, mirror)
    # Late: the list, --help and an archive that cannot be downloaded need no TensorFlow.
    from common import logs, startup

    startup.set_verbosity(False)
    with startup.quiet():
        from classifiers.published import pretrained

    logs.start()
    release = pretrained.choose(name)
    found = pretrained.fetch(release, directory, mirror)
    state = 'fetched' if found.is_new else 'already there'
    print(f'{state}, all {found.variables} variables as {release.network} has them: {found.path}')


def _mirror(typed):
    return typed or os.environ.get(_MIRROR)


def _mention_others(name, release):
    others = [r.name for r in released.by_network(release.network) if r is not release]
    if name == release.network and others:
        print(f'{name}: {release.name}; there are also {", ".join(others)}', flush=True)
