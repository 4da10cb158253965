"""Download published weights, check or convert them, and describe them in a model.json."""

from classifiers.published import released_archives
from nets import released
from training.jobs import programs, settings
from training.jobs.command_line import Parser
from weights.published import fetching as fetching_of
from weights.published import offers, ports

_OTHERS = {
    ports.ARCHIVE: 'Other archives, converted',
    ports.TIMM: 'From timm',
    ports.KERAS: 'From Keras',
    ports.TORCHVISION: 'From torchvision',
}


def main(call):
    """List all published weights, or download some and propose the training."""
    call.answer_help()
    known = settings.read()
    typed = _parse(call.arguments, known.pretrained_dir)
    if not typed.model:
        _list()
        return
    command = fetching(typed.model, typed.directory, typed.mirror, typed.source)
    programs.run(command, known.environment)
    path, network = place(typed.model, typed.directory, typed.source)
    known = settings.read(MODEL_NAME=network, CHECKPOINT_PATH=path)
    call.propose(known, 'run_train.sh')


def _parse(typed, directory):
    parser = Parser()
    parser.add_argument('model', nargs='?')
    parser.add_argument('directory', nargs='?', default=directory)
    parser.add_argument('--mirror', default='')
    parser.add_argument('--source', default='')
    return parser.parse_args(typed)


def _list():
    print(f'{"checkpoint":<24} {"network":<31}  px classes top-1 top-5')
    for release in released.RELEASES.values():
        name = release.name
        if len(name) > 24:
            print(name)
            name = ''
        print(
            f'{name:<24} {release.network:<31}{release.image_size:>4}{release.classes:>8}'
            f'{_percent(release.top_1)}{_percent(release.top_5)}'
        )
    for program, title in _OTHERS.items():
        print(f'\n{title + ":":<37} {"network":<31}  px top-1')
        for port in ports.PORTS.values():
            if port.program == program:
                place = f'{port.title:<37} {port.network:<31}{port.image_size:>4}'
                print(f'{place}{_percent(port.top_1)}')


def _percent(value):
    return f'{value:6.1f}' if value else f'{"-":>6}'


def fetching(name, directory, mirror='', source=''):
    """Return the command that runs `fetch`, and loads TensorFlow, in a process of its own."""
    return programs.function(__name__, 'fetch', name, directory, mirror, source)


def asking(name, mirror=''):
    """Return the command that runs `ask` in a process of its own."""
    return programs.function(__name__, 'ask', name, mirror)


def ask(name, mirror=''):
    """Print why none of the weights that a name means can be reached, or nothing.

    Takes a few seconds.
    """
    print(offers.unreachable(offers.choose(name), offers.mirror(mirror)))


def place(name, directory, source=''):
    """Return (path of the checkpoint that `fetch` has left or would leave first, its network)."""
    found = offers.choose(name, source)
    offer = offers.at_hand(found, directory) or found[0]
    return released_archives.checkpoint(offer, directory), offer.network


def fetch(name, directory, mirror='', source=''):
    """Download and check what `name` means, unless it is there, and print what it is."""
    mirror, found = offers.mirror(mirror), offers.choose(name, source)
    _mention_others(name, found[0])
    offer = offers.at_hand(found, directory) or fetching_of.download_first(
        name, found, directory, mirror, _report
    )
    # Late: the list, --help and a file that cannot be downloaded need no TensorFlow.
    from common import logs, startup

    startup.set_verbosity(False)
    with startup.quiet():
        import tensorflow  # noqa: F401

    logs.start()
    fetched = fetching_of.finish(offer, directory, mirror, _report)
    state = 'fetched' if fetched.is_new else 'already there'
    print(f'{state}, all {fetched.variables} variables as {offer.network} has them: {fetched.path}')


def _report(line):
    print(line, flush=True)


def _mention_others(name, offer):
    others = [each.name for each in released.by_network(name) if each is not offer]
    if name == offer.network and others:
        _report(f'{name}: {offer.name}; there are also {", ".join(others)}')
