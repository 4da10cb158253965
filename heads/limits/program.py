"""Calibrate a classifier: learn what it does not know, write it beside the checkpoint, report."""

import os

import numpy as np
from scipy.special import softmax

from classifiers import resolve, watch
from classifiers.model_request import ModelRequest, StoredModel
from classifiers.verdicts import LEVELS, prediction_set
from common.errors import UserError
from common.logs import LOG
from datasets import dataset_factory, directory_content
from heads import features
from heads.limits import conformal, fitting, known_pictures, limits_files

_DEFAULT_NAME = 'imagenet'
_SHOWN_FIGURES = 5
_NEXT = (
    'Programs that read this checkpoint use them from now on; export it again to have them in a '
    'frozen model. eval_image_classifier.py --unknown_dir=FOLDER measures them.'
)


def run(options, report=print):
    """Calibrate according to the options, and return the Limits; None if they are up to date.

    `report` is called with each line of the results.
    """
    for notice in options.notices:
        LOG.info('%s', notice)
    checkpoint = watch.find_checkpoint(options.checkpoint_path).path
    if options.only_if_stale and _is_up_to_date(checkpoint, options.accept_known):
        report(f'the limits of {checkpoint} are up to date')
        return None
    _require_writable(checkpoint)
    info, datasets = _describe(options, checkpoint)
    if info.num_classes == 1:
        LOG.info('The only class has no other to be compared with: no logits are used')
    train, validation, head = _read(options, info, checkpoint, datasets)
    usable = _may_use_training(info, checkpoint, len(validation))
    if not usable and not len(validation):
        raise UserError(
            f'{options.dataset_dir}: has no validation pictures, and more than the last layer may '
            f'have been fitted to split {options.train_split_name!r}, so nothing is left to measure'
            ' on; convert the data set with --validation_percentage above 0, and train again'
        )
    choice, limits, held_out = _learn(options, info, train, validation, head, usable)
    report_lines = [
        *_choice_lines(*choice),
        *_lines(limits, held_out, len(validation)),
    ]
    limits = limits.replace(report=_as_json(*choice[1:], held_out, limits))
    limits_files.write(checkpoint, limits)
    for line in report_lines:
        report(line)
    report(f'written: {" and ".join(limits_files.paths_beside(checkpoint))}')
    report(_NEXT)
    return limits


def _is_up_to_date(checkpoint, accept_known):
    try:
        known = limits_files.read(checkpoint)
    except UserError:
        return False
    return known is not None and known.accept_known == accept_known


def _require_writable(checkpoint):
    """Raise a UserError before the work if its results could not be written."""
    directory = os.path.dirname(checkpoint) or '.'
    if not os.access(directory, os.W_OK | os.X_OK):
        raise UserError(
            f'{directory}: cannot be written to, and the limits must be beside the checkpoint; copy'
            ' the checkpoint (and model.json, if it has one) to a directory of your own'
        )


def _describe(options, checkpoint):
    """Return (ModelInfo, [training split, validation split or None])."""
    stored = StoredModel.beside(checkpoint)
    directory = options.dataset_dir
    name = options.dataset_name
    if name is None:
        known_name = stored.info.dataset_name if stored.info else ''
        name = directory_content.dataset_name_in(directory, known_name, _DEFAULT_NAME)
    train = dataset_factory.get_dataset(name, options.train_split_name, directory)
    validation = None
    other = options.or_default('held_out_split_name')
    if other == options.train_split_name:
        raise options.mistake('held_out_split_name', 'must differ from --train_split_name')
    present = directory_content.splits_in(directory, name)
    if other in present:
        validation = dataset_factory.get_dataset(name, other, directory)
    elif options.held_out_split_name:
        raise options.mistake(
            'held_out_split_name',
            f'{directory} has no such split, only {", ".join(sorted(present))}',
        )
    info, lines = resolve.resolve(
        ModelRequest.of(options, dataset_name=name),
        stored,
        dataset_classes=train.num_classes,
        dataset_labels=train.labels_to_names,
    )
    for line in lines:
        LOG.info('%s', line)
    return info, [train, validation]


def _read(options, info, checkpoint, datasets):
    """Return (training Pictures, validation Pictures, Head); a missing split has no pictures."""
    train, validation = datasets
    place = options.features_dir or features.default_directory(
        train, os.path.dirname(checkpoint) or '.'
    )
    known, last = known_pictures.read(info, checkpoint, train, place)
    if not len(known):
        raise UserError(f'split {train.split_name!r} in {options.dataset_dir} has no good picture')
    others = known.part(np.arange(0))
    if validation is not None:
        others, _ = known_pictures.read(info, checkpoint, validation, place)
    return known, others, known_pictures.read_head(info, checkpoint, last)


def _may_use_training(info, checkpoint, num_validation):
    """Return whether training pictures may be held out too, and log the decision."""
    if num_validation >= fitting.ENOUGH_HELD_OUT:
        return False
    usable = known_pictures.has_frozen_body(info, checkpoint)
    if usable:
        LOG.info(
            '%d validation pictures are fewer than %d: training pictures are used too, each with '
            'fits to the others',
            *(num_validation, fitting.ENOUGH_HELD_OUT),
        )
    elif num_validation:
        LOG.info(
            'Only %d validation pictures: the training pictures cannot help, because more than '
            'the last layer may have been fitted to them',
            num_validation,
        )
    return usable


def _learn(options, info, train, validation, head, usable):
    """Return (what fitting.choose returns, Limits, HeldOut)."""
    try:
        choice = fitting.choose(known_pictures.earlier(info), train, info.num_classes > 1)
        limits, held_out = fitting.fit(
            choice[0],
            train,
            validation,
            head,
            train_is_usable=usable,
            accept_known=options.accept_known,
            tensors=known_pictures.map_tensors(info),
        )
    except ValueError as error:
        raise UserError(
            f'{options.dataset_dir}: nothing can be learnt from these pictures: {error}'
        ) from None
    return choice, limits, held_out


def _choice_lines(candidate, figures, why_default):
    """Yield lines about the score of strangeness."""
    if why_default:
        yield f'score of strangeness: {candidate.name()}'
        yield f'  (the default; scores are not compared: {why_default})'
        return
    yield 'scores of strangeness, if each class in turn is unknown (AUROC; gain over the default):'
    for figure in figures[:_SHOWN_FIGURES]:
        yield f'  {figure.auroc:.4f}  {figure.gain:+.4f} +- {figure.error:.4f}  {figure.name}'
    yield f'chosen: {candidate.name()}'
    if next(figure.gain for figure in figures if figure.name == candidate.name()) == 0:
        yield '  (the default; no other score is clearly better)'


def _lines(limits, held_out, num_validation):
    """Yield lines about what was learnt."""
    from_training = len(held_out) - num_validation
    parts = [f'{num_validation} validation pictures'] if num_validation else []
    parts += [f'{from_training} training pictures, each held out'] if from_training else []
    yield f'held out: {" and ".join(parts)}'
    before, after = (_log_loss(held_out, each) for each in (1.0, limits.temperature))
    yield f'temperature: {limits.temperature:.3f} (log loss {before:.4f} without, {after:.4f} with)'
    promise = conformal.promised(len(held_out), limits.accept_known)
    yield f'unknown: above a score of {limits.threshold:.3f}; {promise:.1%} of known pictures pass'
    if shortage := conformal.shortage(len(held_out), limits.accept_known):
        yield f'WARNING: {shortage}'
    if limits.sets is None:
        yield f'prediction sets: none, they need {conformal.needed(min(LEVELS))} held-out pictures'
        return
    rule = limits.sets.shown
    for level in limits.sets.thresholds[rule]:
        size = _mean_size(limits, held_out, float(level))
        yield f'prediction sets ({rule}) at {float(level):.0%}: {size:.2f} classes on average'


def _log_loss(held_out, temperature):
    probabilities = softmax(held_out.logits / temperature, axis=1)
    own = probabilities[np.arange(len(held_out)), held_out.outputs]
    return float(-np.log(np.maximum(own, 1e-300)).mean())


def _mean_size(limits, held_out, level):
    probabilities = softmax(held_out.logits / limits.temperature, axis=1)
    described = limits.described()
    return np.mean([len(prediction_set(row, described, level)) for row in probabilities])


def _as_json(figures, why_default, held_out, limits):
    """Return what `limits.json` says for people."""
    return {
        'scores': [
            {'name': each.name, 'auroc': each.auroc, 'gain': each.gain, 'error': each.error}
            for each in figures
        ],
        'why_default': why_default,
        'log_loss': _log_loss(held_out, 1.0),
        'log_loss_calibrated': _log_loss(held_out, limits.temperature),
    }
