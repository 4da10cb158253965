"""What an evaluation with limits, or of unknown pictures, prints and writes."""

from common import text

_MOST_CLASSES = 10
_TITLE = 'pictures of none of the classes'
# Title of a row, figure with the limits, figure of the plain softmax.
_ROWS = (
    ('AUROC', 'auroc', 'softmax_auroc'),
    ('FPR95', 'fpr95', 'softmax_fpr95'),
    ('rejected', 'rejected', None),
    ('known accepted', 'known_accepted', None),
)
_ADVICE = 'no limits were used; calibrate_image_classifier.py learns them'


def lines(limits, unknowns, names):
    """List the printed lines; `names` are those of the outputs."""
    if limits:
        yield from _limits_lines(limits, names)
    if unknowns:
        yield from _unknowns_lines(unknowns)


def _limits_lines(limits, names):
    described = limits.described
    yield ''
    yield (
        f'limits: {described["score"]}, threshold {described["threshold"]:.4f}, '
        f'temperature {described["temperature"]:.4f}'
    )
    yield (
        f'accepted {limits.share_accepted:.2%} ({limits.accepted} of {limits.count}), '
        f'accuracy on these {_percentage(limits.accuracy_on_accepted)}'
    )
    yield (
        f'expected calibration error {_shown(limits.before.error, limits.before.interval)} before '
        f'temperature, {_shown(limits.after.error, limits.after.interval)} after it'
    )
    for level, found in limits.sets.items():
        yield (
            f'prediction sets at {float(level):.0%}: the true class is in {found.coverage:.2%}, '
            f'{found.mean_size:.2f} classes on average'
        )
    yield from _false_rejections(limits, names)


def _false_rejections(limits, names):
    worst_first = (-limits.rejected).argsort(kind='stable')[:_MOST_CLASSES].tolist()
    shown = [output for output in worst_first if limits.rejected[output]]
    if shown:
        yield 'most often rejected by mistake:'
    for output in shown:
        count = limits.rejected[output]
        yield f'  {names[output]}: {count} ({count / limits.examples[output]:.1%})'


def _unknowns_lines(unknowns):
    """List the rows of a table with a few rows for each folder."""
    rows = []
    for each in unknowns:
        found = {name: _shown(each.figures[name], each.intervals[name]) for name in each.figures}
        rows.append((f'{text.printable(each.folder)}, {each.count} pictures', '', ''))
        rows += [
            (f'  {title}', found[limits], found[softmax] if softmax else '-')
            for title, limits, softmax in _ROWS
        ]
    rows.insert(0, (_TITLE, 'limits', 'plain softmax'))
    widths = [max(text.columns(row[column]) for row in rows) for column in (0, 1)]
    yield ''
    for first, second, third in rows:
        line = f'{text.padded(first, widths[0])}  {text.padded(second, widths[1])}  {third}'
        yield line.rstrip()
    if unknowns[0].scores.limits is None:
        yield _ADVICE


def _shown(figure, interval):
    if figure is None:
        return '-'
    bounds = f' ({interval[0]:.4f} to {interval[1]:.4f})' if interval else ''
    return f'{figure:.4f}{bounds}'


def _percentage(share):
    return '-' if share is None else f'{share:.2%}'


def as_json(limits, unknowns, names, labels_offset):
    """Return the results as plain JSON values, by their keys in metrics.json."""
    found = {'limits': _limits_json(limits, names, labels_offset)} if limits else {}
    if unknowns:
        found['unknowns'] = {each.folder: _unknown_json(each) for each in unknowns}
    return found


def _limits_json(limits, names, labels_offset):
    described = limits.described
    return {
        **{key: described[key] for key in ('score', 'threshold', 'temperature', 'accept_known')},
        'accepted': limits.share_accepted,
        'accuracy_on_accepted': limits.accuracy_on_accepted,
        'calibration_error_before': limits.before.error,
        'calibration_error_before_interval': limits.before.interval,
        'calibration_error_after': limits.after.error,
        'calibration_error_after_interval': limits.after.interval,
        'sets': {
            level: {'coverage': found.coverage, 'mean_size': found.mean_size}
            for level, found in limits.sets.items()
        },
        'false_rejections': [
            {
                'label': output + labels_offset,
                'name': name,
                'rejected': int(rejected),
                'count': int(examples),
            }
            for output, (name, rejected, examples) in enumerate(
                zip(names, limits.rejected, limits.examples, strict=True)
            )
        ],
    }


def _unknown_json(unknown):
    return {
        **unknown.figures,
        'count': unknown.count,
        'skipped': unknown.skipped,
        'intervals': unknown.intervals,
    }


def scalars(limits, unknowns):
    """Return the results that have a curve in TensorBoard, by tag."""
    found = {}
    if limits:
        found['eval/Calibration_error_after_temperature'] = limits.after.error
        found['eval/Accepted'] = limits.share_accepted
        if limits.accepted:
            found['eval/Accuracy_on_accepted'] = limits.accuracy_on_accepted
        for level, sets in limits.sets.items():
            found[f'eval/Coverage_of_sets/{level}'] = sets.coverage
            found[f'eval/Size_of_sets/{level}'] = sets.mean_size
    for each in unknowns:
        for name, figure in each.figures.items():
            if figure is not None:
                found[f'eval/Unknowns/{name}/{each.folder}'] = figure
    return found
