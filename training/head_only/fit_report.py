"""What the log and the events say about an exact fit."""

import numpy as np

from heads import solver

_HEADING = f'{"C":>9}{"log loss":>10}{"accuracy":>10}{"std. error":>12}{"seconds":>9}'
_MOST_NAMES = 5


def before(name, outputs, info):
    """Yield the lines before the cross-validation of a layer."""
    counts = np.bincount(outputs, minlength=info.num_classes)
    yield from _about_classes(np.flatnonzero(counts == 0), _ABSENT, info)
    yield from _about_classes(np.flatnonzero(counts == 1), _ALONE, info)
    yield (
        f'Fitting {name} to {len(outputs):,} pictures; the smaller C, the stronger the '
        'regularization. Cross-validation:'
    )
    yield _HEADING


_ABSENT = (
    'No pictures: {}; the head gives such a class a probability of at most '
    f'{solver.ABSENT_PROBABILITY:g} for pictures like those of the other classes'
)
_ALONE = 'Only one picture, so that it is never held out in the cross-validation: {}'


def _about_classes(numbers, text, info):
    if not len(numbers):
        return
    names = info.names()
    shown = ', '.join(names[number] for number in numbers[:_MOST_NAMES])
    more = len(numbers) - _MOST_NAMES
    yield text.format(f'{shown} and {more} more' if more > 0 else shown)


def row(row):
    """Return the line of a C."""
    return (
        f'{row.strength:9g}{row.log_loss:10.4f}{row.accuracy:10.4f}{row.standard_error:12.4f}'
        f'{row.seconds:9.1f}'
    )


def after(name, solution):
    """Yield the lines after the fit of a layer."""
    chosen = solution.chosen
    if chosen is None:
        yield (
            f'Too few pictures for a cross-validation: C = {solution.strength:g} for {name}, '
            f'{solution.seconds:.1f} sec'
        )
    else:
        yield (
            f'Chosen for {name}: C = {solution.strength:g}, whose log loss is the lowest; accuracy '
            f'in {solution.folds}-fold cross-validation {chosen.accuracy:.4f} +/- '
            f'{chosen.standard_error:.4f} (standard error), {solution.seconds:.1f} sec'
        )
    if not solution.has_converged:
        yield f'WARNING: the fit of {name} has not reached the optimum'


def scalars(solution):
    """Return {tag: number} for the events; the first two are those of training."""
    found = {'total_loss': solution.loss, 'accuracy': solution.accuracy, 'C': solution.strength}
    if solution.chosen:
        found['cross_validation/accuracy'] = solution.chosen.accuracy
        found['cross_validation/log_loss'] = solution.chosen.log_loss
    return found
