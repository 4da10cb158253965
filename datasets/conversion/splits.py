"""Assign pictures to splits and shards: reproducibly, and with every class in each."""

import collections
import math
import random

EXAMPLES_PER_SHARD = 1024
# A picture that is in several splits stays in the first of these.
_PRECEDENCE = ('train', 'test', 'validation')


def choose(examples, duplicates, options, validation_count=None):
    """Return the split of each example, None for a copy that is left out.

    If the converter chooses the splits, all copies of a picture go to training. If the splits are
    given, copies are left out of the held-out splits.
    """
    splits = [example.split for example in examples]
    copies = {index for group in duplicates.values() for index in group}
    candidates = [index for index, split in enumerate(splits) if split is None]
    held_out = _draw_validation(examples, candidates, copies, options, validation_count)
    for index in candidates:
        splits[index] = 'validation' if index in held_out else 'train'
    for group in duplicates.values():
        home = min((splits[index] for index in group), key=_precedence)
        for index in group:
            if splits[index] != home:
                splits[index] = None
    return splits


def _precedence(split):
    known = _PRECEDENCE.index(split) if split in _PRECEDENCE else len(_PRECEDENCE)
    return known, split


def _draw_validation(examples, candidates, copies, options, validation_count):
    by_label = collections.defaultdict(list)
    for index in candidates:
        by_label[examples[index].label].append(index)
    sizes = {label: len(members) for label, members in by_label.items()}
    free = {label: [i for i in members if i not in copies] for label, members in by_label.items()}
    limits = {label: min(len(free[label]), sizes[label] - 1) for label in sizes}
    wanted = validation_count
    if wanted is None:
        wanted = round(len(candidates) * options.validation_percentage / 100)
        if options.validation_percentage > 0:
            wanted = max(wanted, sum(limit > 0 for limit in limits.values()))
    quotas = validation_quotas(sizes, limits, wanted)
    drawn = set()
    for label, members in free.items():
        generator = random.Random(f'validation {options.random_seed} {label}')
        drawn.update(generator.sample(members, quotas[label]))
    return drawn


def validation_quotas(sizes, limits, wanted):
    """Divide `wanted` places among classes in proportion to their sizes, at least one each.

    `limits` bounds each class; the sum is less than `wanted` only if the limits require it.
    """
    total = sum(sizes.values())
    shares = {label: wanted * size / total for label, size in sizes.items()}
    least = {label: int(wanted >= len(sizes) and limits[label] > 0) for label in sizes}
    quotas = {
        label: max(least[label], min(math.floor(shares[label]), limits[label])) for label in sizes
    }
    _adjust(quotas, shares, limits, wanted, step=1)
    _adjust(quotas, shares, least, wanted, step=-1)
    return quotas


def _adjust(quotas, shares, bounds, wanted, step):
    """Change quotas by `step` until they sum to `wanted`, beginning furthest from their share."""
    missing = (wanted - sum(quotas.values())) * step
    while missing > 0:
        movable = [label for label in quotas if (bounds[label] - quotas[label]) * step > 0]
        movable.sort(key=lambda label: ((quotas[label] - shares[label]) * step, label))
        if not movable:
            return
        for label in movable[:missing]:
            quotas[label] += step
        missing -= len(movable[:missing])


def shard_count(split, examples, options, default=None):
    """Return the number of shards of a split that holds `examples` examples."""
    given = {'train': options.train_shards, 'validation': options.validation_shards}.get(split)
    count = given or options.num_shards or default
    count = count or max(1, round(examples / EXAMPLES_PER_SHARD))
    # With fewer pictures than shards, empty files would only confuse readers.
    return min(count, examples)


def deal(members, labels, count, seed):
    """Distribute the indices `members` over `count` shuffled shards, every class over all."""
    by_label = collections.defaultdict(list)
    for index in members:
        by_label[labels[index]].append(index)
    generator = random.Random(f'shards {seed}')
    shards = [[] for _ in range(count)]
    place = 0
    for label in sorted(by_label):
        generator.shuffle(by_label[label])
        # Continuing after the last class keeps the sizes of the shards within one.
        for index in by_label[label]:
            shards[place % count].append(index)
            place += 1
    for shard in shards:
        generator.shuffle(shard)
    return shards
