"""Report an evaluation: printed lines, metrics.json and metrics.csv."""

import csv
import dataclasses
import io
import math
import os
import time

import numpy as np
import tf_slim as slim

from classifiers.model_info import ModelInfo
from classifiers.watch import Checkpoint
from common import files, text
from common.errors import UserError
from training.evaluation.limits import results
from training.evaluation.limits.known import LimitsFigures
from training.evaluation.limits.unknowns import UnknownFigures
from training.evaluation.metrics import Metrics

_MOST_CONFUSED = 10
_MOST_ROWS = 100


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """A finished evaluation: model, data, settings and results."""

    checkpoint: Checkpoint
    info: ModelInfo
    dataset: slim.dataset.Dataset
    # All other settings that change the results.
    settings: dict
    metrics: Metrics
    finished_at: str
    limits: LimitsFigures | None = None  # None if the limits of the classifier are unknown.
    unknowns: tuple[UnknownFigures, ...] = ()  # Of each folder of unknown pictures.

    @property
    def k(self):
        """Return the k of Recall_k."""
        return min(5, self.info.num_classes)

    @property
    def figures(self):
        """Return the results that have a curve in TensorBoard, by tag."""
        return {
            'eval/Accuracy': self.metrics.accuracy,
            f'eval/Recall_{self.k}': self.metrics.recall_at(self.k),
            'eval/Loss': self.metrics.loss,
            'eval/Calibration_error': self.metrics.calibration_error,
            **results.scalars(self.limits, self.unknowns),
        }


def now():
    """Return the current time in the form of evaluation logs (UTC)."""
    return time.strftime('%Y-%m-%d-%H:%M:%S', time.gmtime())


def class_names(info):
    """Return a unique name for each output, because ImageNet has two classes named crane."""
    names = info.names()
    twice = {name for name in names if names.count(name) > 1} if len({*names}) < len(names) else ()
    return [
        f'{name} ({output + info.labels_offset})' if name in twice else name
        for output, name in enumerate(names)
    ]


def lines(evaluation):
    """List the printed lines: results, classes, most confused classes, limits, unknowns."""
    metrics = evaluation.metrics
    # Scripts match the form of these two lines; a float32 has eight digits.
    for tag in ('eval/Accuracy', f'eval/Recall_{evaluation.k}'):
        yield f'{tag}[{evaluation.figures[tag]:.8g}]'
    yield ''
    yield from _class_table(evaluation)
    yield ''
    right = round(metrics.accuracy * metrics.count)
    yield f'accuracy {metrics.accuracy:.2%} ({right} of {metrics.count} right)'
    yield f'loss {metrics.loss:.4f}, expected calibration error {metrics.calibration_error:.4f}'
    confused = metrics.most_confused(_MOST_CONFUSED)
    if confused:
        names = _shown_names(evaluation.info)
        yield 'most often confused:'
        for true, predicted, count in confused:
            share = count / metrics.examples[true]
            yield f'  {names[true]} taken for {names[predicted]}: {count} ({share:.1%})'
    yield from results.lines(evaluation.limits, evaluation.unknowns, _shown_names(evaluation.info))


def _class_table(evaluation):
    """List the rows of precision, recall and F1; of many classes, those with the worst results."""
    figures, info = evaluation.metrics.by_class(), evaluation.info
    shown = list(range(info.num_classes))
    if len(shown) > _MOST_ROWS:
        shown = np.argsort(figures.f1)[:_MOST_ROWS].tolist()  # NaN comes last.
        yield f'the {_MOST_ROWS} worst of {info.num_classes} classes (all are in metrics.json)'
    names = _shown_names(info)
    width = max([text.columns(names[output]) for output in shown] + [len('class')])
    yield f'label  {text.padded("class", width)}  precision  recall      f1  count'
    for output in shown:
        yield (
            f'{output + info.labels_offset:5d}  {text.padded(names[output], width)}'
            f'  {figures.precision[output]:9.4f}  {_figure(figures.recall[output])}'
            f'  {_figure(figures.f1[output])}  {figures.examples[output]:5d}'
        )


def _figure(value):
    return '     -' if math.isnan(value) else f'{value:6.4f}'


def _shown_names(info):
    """List the names of the outputs, made safe for a terminal."""
    return [text.printable(name) for name in class_names(info)]


def as_json(evaluation):
    """Return an evaluation as plain JSON values."""
    metrics, info = evaluation.metrics, evaluation.info
    names = class_names(info)
    rows = zip(names, *metrics.by_class(), strict=True)
    return {
        'checkpoint': evaluation.checkpoint.path,
        'step': evaluation.checkpoint.step,
        'fingerprint': evaluation.checkpoint.fingerprint,
        'finished_at': evaluation.finished_at,
        'model_name': info.model_name,
        'dataset_name': evaluation.dataset.dataset_name,
        'split_name': evaluation.dataset.split_name,
        **evaluation.settings,
        'examples': metrics.count,
        'accuracy': metrics.accuracy,
        f'recall_{evaluation.k}': metrics.recall_at(evaluation.k),
        'loss': metrics.loss,
        'expected_calibration_error': metrics.calibration_error,
        'classes': [
            {
                'label': output + info.labels_offset,
                'name': name,
                'precision': _json_number(precision),
                'recall': _json_number(recall),
                'f1': _json_number(f1),
                'count': int(count),
            }
            for output, (name, precision, recall, f1, count) in enumerate(rows)
        ],
        'most_confused': [
            {'true': names[true], 'predicted': names[predicted], 'count': count}
            for true, predicted, count in metrics.most_confused(_MOST_CONFUSED)
        ],
        **results.as_json(evaluation.limits, evaluation.unknowns, names, info.labels_offset),
    }


def _json_number(value):
    """Return a number, or None for NaN, which JSON does not have."""
    return None if math.isnan(value) else float(value)


_COLUMNS = (
    'finished_at',
    'checkpoint',
    'step',
    'dataset_name',
    'split_name',
    'examples',
    'accuracy',
    'k',
    'recall_at_k',
    'loss',
    'expected_calibration_error',
    'settings',
    'fingerprint',
)


class History:
    """The metrics.csv of an eval_dir, with a line for each evaluated checkpoint."""

    def __init__(self, path):
        self._path = path
        self._rows = {}
        if not os.path.exists(path):
            return
        for row in _read_rows(path):
            names = ('fingerprint', 'dataset_name', 'split_name', 'settings')
            self._rows[tuple(row[name] for name in names)] = row

    def __contains__(self, key):
        return key in self._rows

    def add(self, evaluation):
        """Add an evaluation or replace an equal earlier one, and write the file."""
        added = key(evaluation.checkpoint, evaluation.dataset, evaluation.settings)
        self._rows.pop(added, None)
        self._rows[added] = _row(evaluation)
        with files.atomic_write(self._path, 'w', encoding='utf-8', newline='') as stream:
            writer = csv.DictWriter(stream, _COLUMNS)
            writer.writeheader()
            writer.writerows(self._rows.values())


def _read_rows(path):
    """List the rows of a metrics.csv; raise UserError if it is not one."""
    try:
        rows = list(csv.DictReader(io.StringIO(files.read_text(path))))
    except (files.NotTextError, csv.Error):
        rows = [{}]
    if any({*row} != {*_COLUMNS} for row in rows):
        raise UserError(f'{path}: not the metrics.csv of an evaluation; name another --eval_dir')
    return rows


def _row(evaluation):
    metrics = evaluation.metrics
    return {
        'finished_at': evaluation.finished_at,
        'checkpoint': evaluation.checkpoint.path,
        'step': evaluation.checkpoint.step,
        'dataset_name': evaluation.dataset.dataset_name,
        'split_name': evaluation.dataset.split_name,
        'examples': metrics.count,
        'accuracy': metrics.accuracy,
        'k': evaluation.k,
        'recall_at_k': metrics.recall_at(evaluation.k),
        'loss': metrics.loss,
        'expected_calibration_error': metrics.calibration_error,
        'settings': _spelt(evaluation.settings),
        'fingerprint': evaluation.checkpoint.fingerprint,
    }


def key(checkpoint, dataset, settings):
    """Return the key of an evaluation in a metrics.csv."""
    return checkpoint.fingerprint, dataset.dataset_name, dataset.split_name, _spelt(settings)


def _spelt(settings):
    return ' '.join(f'{name}={value}' for name, value in settings.items())
