"""Find the pictures that a request names, and convert them."""

import dataclasses
import os
import shlex
from collections.abc import Callable

from common import checks, text
from common.errors import UserError
from datasets.conversion import changes, convert
from datasets.conversion.convert_options import ConvertOptions
from datasets.conversion.spec import DatasetSpec
from datasets.dataset_factory import datasets_map
from datasets.own import image_folder, picture_list
from datasets.records import manifest, verification
from datasets.records.manifest import Manifest
from datasets.request import Request

SAMPLE = 'sample_flowers'
_HAS_CLUTTER = ('caltech101', 'caltech256')
_HAS_BACKGROUND = ('imagenet', *_HAS_CLUTTER)


def run(
    request: Request, report: Callable[[str], None] = print, command: str | None = None
) -> Manifest | None:
    """Find, download and convert the pictures of a request, or verify their records.

    `report` is called with each line of the summary. `command` repeats the conversion.
    """
    _check(request)
    if request.verify:
        return verification.verify(request.output_dir, request.dataset_name or '', report)
    if made := _made_already(request):
        report(
            f'{request.dataset_name}: already converted, and its sources were removed from'
            f' {request.dataset_dir}; nothing to do (--overwrite downloads them again)'
        )
        return made
    try:
        spec = make_spec(request, report)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f'{error.filename or request.dataset_dir}: {reason}') from None
    options = dataclasses.replace(request.options, command=command)
    made = convert.convert(spec, request.output_dir, options, report)
    report(f'{len(made.class_names):,} classes: {_shortened(made.class_names)}')
    report(f'The records are in {os.path.abspath(request.output_dir)}.')
    report(f'To look for copies, wrong labels and faulty pictures: {_audit_command(made, request)}')
    return made


def _audit_command(made, request):
    name = [f'--dataset_name={made.dataset_name}'] if made.dataset_name else []
    command = ['python', 'audit_dataset.py', f'--dataset_dir={request.output_dir}', *name]
    return shlex.join(command)


def make_spec(request: Request, report: Callable[[str], None] = print) -> DatasetSpec:
    """Return the description of a request's pictures; download those of a published data set."""
    name, directory = request.dataset_name, request.dataset_dir
    background = request.background_class
    if _directories(request):
        return image_folder.from_splits(
            _directories(request), name or '', request.labels_file, background
        )
    if request.csv_file:
        return picture_list.from_csv(request.csv_file, name or '', background)
    if name == SAMPLE:
        from datasets.samples import sample_flowers

        seed = request.options.random_seed
        return sample_flowers.make_spec(directory, request.sample_unknowns, seed, report)
    if name in datasets_map:
        more = {'background_class': background} if name in _HAS_CLUTTER else {}
        spec = datasets_map[name].make_spec(directory, request.source_url, report, **more)
        return _with_typed_percentage(spec, request.options)
    return _own_folder(request)


def _with_typed_percentage(spec, options):
    """Let a percentage that the user gave replace the size of the published split."""
    if options.validation_percentage == ConvertOptions.validation_percentage:
        return spec
    return dataclasses.replace(spec, validation_count=None)


def _own_folder(request):
    try:
        return image_folder.from_folder(
            request.dataset_dir, request.dataset_name, request.background_class
        )
    except UserError as error:
        if os.path.isdir(os.path.join(request.dataset_dir, request.dataset_name)):
            raise
        known = ', '.join(checks.nearest(request.dataset_name, (SAMPLE, *datasets_map)))
        raise UserError(f'{error}; known data sets, nearest first: {known}') from None


def _directories(request):
    given = {'train': request.train_directory, 'validation': request.validation_directory}
    return {split: directory for split, directory in given.items() if directory}


def _check(request):
    """Raise a UserError that names a flag that is missing, or one that would have no effect."""
    name, ready_made = request.dataset_name, bool(_directories(request))
    if name and (os.sep in name or name.startswith('.')):
        raise UserError(f'--dataset_name={name}: must be a name; the path belongs in --dataset_dir')
    if not request.output_dir:
        flag = '--output_directory' if ready_made else '--dataset_dir'
        raise UserError(f'{flag} is missing: the directory for the records')
    if request.verify:
        return
    if ready_made and request.csv_file:
        raise UserError('--csv_file and --train_directory both name the pictures; pass one of them')
    if not (ready_made or request.csv_file):
        _check_named(request)
    _refuse_useless(request, ready_made)


def _check_named(request):
    if not request.dataset_name:
        known = ', '.join((SAMPLE, *datasets_map))
        raise UserError(
            '--dataset_name is missing: a folder of your own pictures in --dataset_dir, or one of'
            f' {known}'
        )
    if not request.dataset_dir:
        raise UserError('--dataset_dir is missing: the directory of the pictures')


def _refuse_useless(request, ready_made):
    name = None if ready_made or request.csv_file else request.dataset_name
    known = name in datasets_map
    useless = {
        'labels_file': (not ready_made, 'needs --train_directory and --validation_directory'),
        'source_url': (not known, f'replaces the address of {", ".join(datasets_map)}'),
        'sample_unknowns': (name != SAMPLE, f'needs --dataset_name={SAMPLE}'),
        'background_class': (
            name == SAMPLE or (known and name not in _HAS_BACKGROUND),
            f'has no effect on {name}, whose pictures all belong to a class',
        ),
    }
    for flag, (is_useless, reason) in useless.items():
        if getattr(request, flag) and is_useless:
            raise request.mistake(flag, reason)


def _made_already(request):
    """Return the manifest of a published data set whose sources were deleted after conversion."""
    if request.dataset_name not in datasets_map or request.options.overwrite:
        return None
    if _directories(request) or request.csv_file:
        return None
    output_dir, name = request.output_dir, request.dataset_name
    if os.path.exists(manifest.converting_path(output_dir, name)):
        return None
    made = manifest.read(output_dir, name)
    if made is None or made.options != changes.recorded_options(request.options):
        return None
    sources = (os.path.join(request.dataset_dir, path) for path in datasets_map[name].SOURCES)
    return None if any(os.path.exists(path) for path in sources) else made


def _shortened(class_names, most=10):
    more = ', ...' if len(class_names) > most else ''
    return text.listed(class_names[:most]) + more
