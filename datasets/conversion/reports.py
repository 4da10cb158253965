"""Report the results of a conversion: skipped files, copies and the summary."""

import collections
import csv
import dataclasses
import io
import os

from common import files
from datasets.records import manifest


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The result for every file that was found.

    `skipped` holds (path, reason); `damaged` counts the skipped files that should have been
    pictures. `copies` holds groups of (path, class, split) with the same content.
    """

    splits: dict
    skipped: list
    damaged: int
    copies: list
    digests: list
    found: int


def gather(spec, splits, copies, plans, finished, output_dir):
    """Combine the plan and the finished shards into an Outcome."""
    reasons, digests = {}, [None] * len(spec.examples)
    by_split = collections.defaultdict(list)
    for plan, done in zip(plans, finished, strict=True):
        by_split[plan.split].append(done.shard)
        for index, reason, digest in zip(plan.indices, done.reasons, done.digests, strict=True):
            digests[index] = digest
            if reason:
                reasons[index] = reason
    bad = set(reasons)
    if spec.keep_duplicates:
        copies = _copies_by_digest(digests)
    _explain_left_out(spec, splits, copies, reasons, digests, bad)
    skipped = [(example_path(spec.examples[index]), reason) for index, reason in reasons.items()]
    skipped += [*spec.ignored, *spec.refused]
    return Outcome(
        splits={
            split: manifest.Split(sum(shard.examples for shard in members), members)
            for split, members in by_split.items()
        },
        skipped=sorted([shown_path(path, output_dir), reason] for path, reason in skipped),
        damaged=len(bad) + len(spec.refused),
        copies=_copy_groups(spec, splits, copies, bad, output_dir),
        digests=digests,
        found=len(spec.examples) + len(spec.ignored) + len(spec.refused),
    )


def _copies_by_digest(digests):
    groups = collections.defaultdict(list)
    for index, digest in enumerate(digests):
        if digest:
            groups[digest].append(index)
    return {digest: group for digest, group in groups.items() if len(group) > 1}


def _explain_left_out(spec, splits, copies, reasons, digests, bad):
    """Add the reason for each copy that was left out; a bad picture's copies get its reason."""
    for digest, group in copies.items():
        home = next(index for index in group if splits[index] is not None)
        for index in group:
            if splits[index] is not None:
                continue
            digests[index] = digest
            if home in bad:
                reasons[index] = reasons[home]
                bad.add(index)
            else:
                reasons[index] = f'copy of {spec.examples[home].filename} in {splits[home]}'


def _copy_groups(spec, splits, copies, bad, output_dir):
    groups = []
    for group in copies.values():
        if bad.isdisjoint(group):
            members = [(spec.examples[index], splits[index] or 'left out') for index in group]
            groups.append(
                [
                    (shown_path(example_path(e), output_dir), spec.class_names[e.label], split)
                    for e, split in members
                ]
            )
    return groups


def example_path(example):
    """Return the name of an example in reports."""
    return example.filename if example.path is None else example.path


def shown_path(path, output_dir):
    """Return `path` as writable text, relative to the data set if it is inside."""
    path = os.fspath(path)
    root = os.path.join(os.path.abspath(output_dir), '')
    if os.path.isabs(path) or os.path.exists(path):
        absolute = os.path.abspath(path)
        path = absolute.removeprefix(root)
    return path.encode('utf-8', 'backslashreplace').decode()


def skipped_name(dataset_name):
    """Return the file name of the table of skipped files."""
    return f'{dataset_name}_skipped.csv' if dataset_name else 'skipped.csv'


def duplicates_name(dataset_name):
    """Return the file name of the table of copies."""
    return f'{dataset_name}_duplicates.csv' if dataset_name else 'duplicates.csv'


def write_skipped(path, skipped):
    """Write the table of skipped files."""
    _write_table(path, ('path', 'reason'), skipped)


def write_duplicates(path, groups):
    """Write the table of copies; copies of the same picture have the same number."""
    rows = [(number, *copy) for number, group in enumerate(groups, 1) for copy in group]
    _write_table(path, ('group', 'path', 'class', 'split'), rows)


def _write_table(path, header, rows):
    text = io.StringIO(newline='')
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(header)
    writer.writerows(rows)
    files.write_text(path, text.getvalue())


def summary(made, spec, options, groups):
    """Yield a few lines: what was written, what was skipped, and why."""
    name = made.dataset_name or 'records'
    yield (
        f'{name}: found {made.found:,} = written {made.examples:,} + skipped {len(made.skipped):,}'
    )
    for split_name, split in made.splits.items():
        yield (
            f'  {split_name}: {_count(split.examples, "picture")} in'
            f' {_count(len(split.shards), "shard")}'
        )
    reasons = collections.Counter(_kind(reason) for _, reason in made.skipped)
    for reason, count in reasons.most_common():
        yield f'  skipped {count:,}: {reason}'
    if made.skipped:
        yield f'  every skipped file is listed in {skipped_name(made.dataset_name)}'
    yield from _copies_in_words(groups, made.dataset_name)
    yield from (f'  {note}' for note in spec.notes)
    yield from _what_is_given_up(options)


def _kind(reason):
    """Return the kind of a reason, without details."""
    return 'copy' if reason.startswith('copy of ') else reason.partition(' (')[0]


def _what_is_given_up(options):
    if options.reencode == 'jpeg':
        yield (
            '  --reencode=jpeg stores re-encoded pictures with loss: the probabilities for such a'
            ' picture file differ slightly from those for its record'
        )
    if options.max_side:
        yield (
            f'  --max_side={options.max_side} shrinks larger pictures: the probabilities for'
            ' such a picture file differ slightly from those for its record'
        )


def _copies_in_words(groups, dataset_name):
    if not groups:
        return
    copies = sum(len(group) for group in groups)
    left_out = sum(split == 'left out' for group in groups for _, _, split in group)
    mixed = sum(len({label for _, label, _ in group}) > 1 for group in groups)
    yield (
        f'  {copies:,} pictures have the same content as another:'
        f' {_count(len(groups), "group")}, {mixed:,} of them in several classes;'
        f' {_count(left_out, "copy", "copies")} left out of held-out splits;'
        f' see {duplicates_name(dataset_name)}'
    )


def _count(number, one, many=None):
    return f'{number:,} {one if number == 1 else many or one + "s"}'
