"""Import weights as the options say, and report what was decided."""

import dataclasses

from classifiers import checkpoints, model_info
from classifiers.published import released_archives
from common.errors import UserError
from weights import importing, output_directory
from weights.published import fetching, offers


def run(options, report=print):
    """Import a file, and compare it with its own network if requested; return an Imported.

    The file of a published port is downloaded into the output directory, and removed at the end.
    """
    port = offers.port_of(options.source)
    if port is None:
        return _import(options, report)
    report(f'{port.name}: {port.difference()}')
    mirror = offers.mirror()
    address = released_archives.address(port, mirror)
    there = None if options.overwrite or options.verify else _there(options.output, address)
    if there:
        report(f'already there: {there} and model.json')
        return importing.Imported(there, model_info.read_beside(there), (), is_new=False)
    output_directory.require_usable(options.output)
    with fetching.source_in(port, options.output, mirror) as path:
        found = dataclasses.replace(
            options,
            source=path,
            model_name=options.model_name or port.network,
            image_size=options.image_size or port.image_size,
        )
        return _import(found, report, address)


def _there(directory, address):
    """Return the checkpoint that was imported from an address into `directory`, or None."""
    try:
        info = model_info.read_beside(directory)
    except UserError:
        return None
    path = output_directory.checkpoint(directory, info) if info else ''
    is_same = info and info.weights_source == address
    return path if is_same and checkpoints.fault(path) is None else None


def _import(options, report, weights_source=None):
    if options.verify:
        # Late: it needs packages that an import does without.
        from weights.verification import verify

        verify.require(options.source, options.model_name, options.use_moving_averages)
    request = dataclasses.replace(importing.Request.of(options), weights_source=weights_source)
    imported = importing.import_file(options.source, options.output, request)
    for line in imported.lines:
        report(line)
    state = 'written' if imported.is_new else 'already there'
    report(f'{state}: {imported.path} and model.json')
    if options.verify:
        report(verify.verify(options.source, imported, options.use_moving_averages))
    return imported
