"""Audit a data set: look at every picture, write what was found, and print a summary."""

import collections
import os

import numpy as np

from common.errors import UserError, reason
from heads.audit import balance, collection, faults, findings
from heads.audit.copies import duplicates, near_duplicates
from heads.audit.page import page
from heads.audit.scan import scan

_PAGE, _TABLE = 'audit.html', 'audit.csv'
# The cosine from which neighbours are compared pixel by pixel.
_CLOSE = 0.8


def run(options, report=print):
    """Audit the data set of the options and return the list of findings.

    `report` is called with each line of the summary.
    """
    for notice in options.notices:
        report(notice)
    data = collection.open_collection(options.dataset_dir, options.dataset_name)
    _make_directory(os.path.dirname(options.output_path(_TABLE)))
    model = _model(options)
    scanned = scan(data)
    notes = []
    table = _feature_table(model, data, options, scanned, notes.append)
    found = list(find_all(data, scanned, table, options, notes.append))
    left_out = () if table else findings.NEEDS_FEATURES
    findings.write_table(options.output_path(_TABLE), found)
    page.write(
        options.output_path(_PAGE),
        data,
        found,
        balance.counts(data, scanned.rows),
        options.most_thumbnails,
        left_out,
        notes,
    )
    for line in [*summary(data, found, left_out), *notes]:
        report(line)
    report(f'The page is {os.path.abspath(options.output_path(_PAGE))};')
    report(f'all findings are in {os.path.abspath(options.output_path(_TABLE))}.')
    return found


def _make_directory(path):
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise UserError(f'--output_dir={path}: {reason(error)}') from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise UserError(f'--output_dir={path}: cannot be written to')


def _model(options):
    """Return (ModelInfo, checkpoint), or None without a checkpoint."""
    if options.checkpoint_path is None:
        return None
    # Late: without a checkpoint, no network is built.
    from heads.audit.by_features import reading

    return reading.find_model(options)


def find_all(data, scanned, table, options, report):
    """Yield every Finding about a Collection; `table` is its FeatureTable or None."""
    rows, intact = scanned.rows, scanned.intact
    for number, damage in scanned.damaged.items():
        yield findings.Finding('damaged', data.picture(number), 1.0, damage)
    copies = duplicates.same_bytes(rows, intact)
    proposed, strange = [], []
    if table:
        table = table.without(copies)
        proposed, strange = _by_neighbours(table)
    same, near = near_duplicates.find(data, scanned, copies, options.similarity, proposed)
    exact = [*((copy, first, 1.0, 'the same bytes') for copy, first in copies.items()), *same]
    yield from duplicates.as_findings('exact_duplicate', exact, data)
    yield from duplicates.left_out_copies(options.dataset_dir, data.dataset_name)
    yield from duplicates.as_findings('near_duplicate', near, data)
    if table:
        yield from _doubtful_labels(data, rows, table, [*exact, *near], report)
    for number, score in strange:
        why = f'{score:.1f} standard deviations farther from its neighbours than usual'
        yield findings.Finding('outlier', data.picture(number), score, why)
    for kind, place, score, why in faults.find_faults(rows[intact]):
        yield findings.Finding(kind, data.picture(int(intact[place])), score, why)
    yield from balance.small_classes(data, balance.counts(data, rows))


def _feature_table(model, data, options, scanned, report):
    """Return the FeatureTable, or None without a model or without usable pictures."""
    if model is None:
        report('Without --checkpoint_path, labels and outliers are not checked.')
        return None
    from heads.audit.by_features import reading

    instead = os.path.dirname(options.output_path(_TABLE))
    try:
        table = reading.read_or_compute(model, data, options, instead)
    except UserError as error:
        if not scanned.damaged:
            raise
        report(f'Labels and outliers are not checked, because of damaged records: {error}')
        return None
    table = table.without(scanned.damaged)
    labels = scanned.rows['label'][table.numbers]
    if len(np.unique(labels)) < 2:
        report('Labels and outliers are not checked: all pictures have the same label.')
        return None
    return table


def _by_neighbours(table):
    """Return ([pairs of neighbours], [(number, score) of outliers])."""
    from heads.audit.by_features import neighbours

    places, cosines = neighbours.nearest(table.directions())
    numbers = table.numbers
    row, column = np.nonzero(cosines >= _CLOSE)
    order = np.argsort(-cosines[row, column], kind='stable')
    ends = np.column_stack([numbers[row], numbers[places[row, column]]])[order]
    pairs = [(min(pair), max(pair)) for pair in ends.tolist()]
    found, scores = neighbours.outliers(cosines)
    strange = zip(numbers[found].tolist(), scores.tolist(), strict=True)
    return list(dict.fromkeys(pairs)), list(strange)


def _doubtful_labels(data, rows, table, pairs, report):
    from heads.audit.by_features import doubtful_labels

    # A copy that the fit has seen would vouch for its label, so copies share their result.
    originals = {copy: original for copy, original, _, _ in pairs}
    labels = rows['label'].astype(np.int64)
    known = table.without(originals)
    if len(np.unique(labels[known.numbers])) < 2:  # All others are copies.
        return
    found = doubtful_labels.find(known, labels[known.numbers], len(data.class_names), report)
    for place, suggested, best, own in zip(*(each.tolist() for each in found), strict=True):
        name = data.class_names[suggested]
        yield findings.Finding(
            'doubtful_label',
            data.picture(int(known.numbers[place])),
            best - own,
            f'{name} {best:.0%}, its label {own:.0%}',
            suggestion=name,
        )


def summary(data, found, left_out=()):
    """Yield a few lines: how many pictures, and how many findings of each kind.

    `left_out` are kinds that were not looked for.
    """
    sizes = ', '.join(f'{each.split_name} {each.num_samples:,}' for each in data.datasets)
    yield f'{data.dataset_name or "records"}: {len(data):,} pictures ({sizes})'
    counted = collections.Counter(finding.kind for finding in found)
    for kind, described in findings.KINDS.items():
        count = f'{counted[kind]:,}' if counted[kind] else 'none'
        shown = 'not checked' if kind in left_out else count
        own = [finding for finding in found if finding.kind == kind]
        yield f'  {described.title}: {shown}{findings.crossing(own)}'
