"""Find what a name means among the published weights: an archive of TF-Slim, or a port.

An offer is a `released.Release` or a `ports.Port`; both have the properties of a published file.
Nothing here needs TensorFlow.
"""

import os

from classifiers import checkpoint_paths
from classifiers.published import released_archives
from common import checks, download
from common.errors import UserError
from nets import model_specs, released
from weights.published import ports

_MIRROR = 'SLIM_CHECKPOINT_MIRROR'
_MOST_SHOWN = 12
SOURCES = (ports.ARCHIVE, *ports.PROGRAMS)


def mirror(typed=''):
    """Return the mirror that the user typed or that the environment names, or ''."""
    return typed or os.environ.get(_MIRROR, '')


def source_of(offer):
    """Return which of SOURCES an offer belongs to."""
    return offer.program if isinstance(offer, ports.Port) else ports.ARCHIVE


def called(offer):
    """Return the name of an offer with its source: `archive inception_v4_2016_09_09.tar.gz`."""
    return offer.name if isinstance(offer, ports.Port) else f'archive {offer.archive}'


def choose(name, source=''):
    """List the offers for a name in the order in which they are tried.

    The name is that of a network, an archive, a checkpoint or a port. With a `source`, one of
    SOURCES, only its offers count. Without any offer this is a UserError.
    """
    if source not in ('', *SOURCES):
        raise UserError(f'--source={source}: {checks.unknown("source", source, SOURCES)}')
    offers = find(name, source)
    if offers:
        return offers
    if source and (others := find(name)):
        names = ', '.join(called(offer) for offer in others)
        raise UserError(f'--source={source}: has no weights of {name}; there are {names}')
    if name in model_specs.MODELS:
        raise UserError(
            f'{name}: no checkpoint of it was ever released; train it from random weights '
            f'(scripts/train_from_scratch.sh {name} DATASET), or name another: '
            f'{", ".join(_nearest(name))}'
        )
    raise UserError(unknown(name))


def unknown(name, kind='network or checkpoint'):
    """Return the message for a name without offers, with the most similar ones that have some."""
    return f'{checks.unknown(kind, name, _nearest(name))}; scripts/download_checkpoint.sh lists all'


def _nearest(name):
    networks = {each.network for each in (*released.RELEASES.values(), *ports.PORTS.values())}
    known = networks | released_archives.by_name().keys() | ports.PORTS.keys()
    return checks.nearest(name, known)[:_MOST_SHOWN]


def find(name, source=''):
    """List the offers for a name in the order in which they are tried, or return []."""
    release = None
    if any(port.network == name for port in ports.PORTS.values()):
        release = released_archives.find_release(name)
        size = (release or model_specs.get_spec(name)).image_size
        others = ports.of_network(name, size)
    elif port := ports.find(name):
        others = [port]
    else:
        release = released_archives.find_release(name)
        others = _with_size_of(release) if release and not name.endswith('.tar.gz') else []
    offers = [release, *others] if release else others
    return [offer for offer in offers if source in ('', source_of(offer))]


def _with_size_of(release):
    """List the ports of the network of a release that have its image size."""
    size = release.image_size
    found = ports.of_network(release.network, size)
    return [port for port in found if port.image_size == size]


def port_of(name):
    """Return the Port that an import downloads for a name, or None for the path of a file."""
    if os.path.lexists(name) or checkpoint_paths.files_of(checkpoint_paths.prefix_of(name)):
        return None
    found = [] if name.startswith(('.', os.sep)) else find(name)
    port = next((offer for offer in found if isinstance(offer, ports.Port)), None)
    if found and not port:
        raise UserError(
            f'--source={name}: the archive {found[0].archive} has a checkpoint of its network; '
            f'scripts/download_checkpoint.sh {name} downloads it'
        )
    if port is None and name.partition('/')[0] in ports.PROGRAMS:
        raise UserError(f'--source={name}: no such file, and {unknown(name)}')
    return port


def at_hand(offers, directory):
    """Return the first offer that is in `directory`, complete and checked, or None."""
    return next((each for each in offers if released_archives.is_there(each, directory)), None)


def unreachable(offers, mirror=''):
    """Return why none of the offers can be downloaded now, or ''."""
    reasons = []
    for offer in offers:
        why = download.unreachable(released_archives.address(offer, mirror))
        if not why:
            return ''
        reasons.append(why)
    return '; '.join(reasons)
