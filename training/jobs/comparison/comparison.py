"""Measure the networks of a comparison one after the other, and show the results."""

import json
import os

from common import files
from datasets.records import manifest, record_files
from training.jobs import programs, recipe_runs
from training.jobs.comparison import results
from training.jobs.comparison.results import Result

_MEASUREMENT = 'training.jobs.comparison.worker'


def measure_all(chosen, known, kept, runner):
    """Return the Results of the Candidates; those that were measured before are not measured again.

    Each network is measured in a process of its own. One that fails has said why, and is left out.
    """
    records = _digest(known)
    found = []
    for number, candidate in enumerate(chosen, start=1):
        recipe_runs.title(f'{number} of {len(chosen)}: {candidate.name}')
        key = candidate.key(records)
        result = kept.get(key)
        if result:
            print(f'{result} (measured before)')
        else:
            result = _measure(candidate, known, kept, runner, key)
        found += filter(None, [result])
    return found


def _digest(known):
    """Return a hash of the training records: of their manifest, or of the dates of their files."""
    path = os.path.join(known.dataset_dir, manifest.manifest_name(known.dataset_name))
    if os.path.exists(path):
        return files.digest(path)
    paths = record_files.find_record_files(known.dataset_dir, known.dataset_name, 'train')
    return ' '.join(f'{path} {os.stat(path).st_size} {os.stat(path).st_mtime_ns}' for path in paths)


def _measure(candidate, known, kept, runner, key):
    """Measure a network in another process, and keep its Result; None if the process fails."""
    request = {
        'name': candidate.name,
        'network': candidate.network,
        'checkpoint': candidate.checkpoint,
        'dataset_name': known.dataset_name,
        'dataset_dir': known.dataset_dir,
        'output_dir': kept.directory,
    }
    path = kept.path(f'.{key}.json')
    command = programs.function(_MEASUREMENT, 'run', json.dumps(request), path)
    if runner.wait(runner.start(command, env=dict(known.environment))):
        return None
    result = Result(**files.read_json(path))
    kept.add(key, result)
    os.unlink(path)
    print(result)
    return result


def show(ranked, dataset_name, kept):
    """Print the table, and write it as CSV and as a plot."""
    print()
    for line in results.lines(ranked):
        print(line)
    first = ranked[0]
    print(
        f'accuracy: of a linear head on the features, in {first.folds}-fold cross-validation on '
        f'{first.pictures} pictures'
    )
    print(f'table: {kept.write_table(ranked)}')
    # Late: a mistake in the arguments needs no library for pictures.
    from training.evaluation import fonts
    from training.jobs.comparison import plot

    names = [result.name for result in ranked]
    font = fonts.choose_font([*names, dataset_name], range(len(names) + 1))
    title = f'{font.writable(dataset_name, "data set")}: accuracy against time'
    with files.atomic_write(kept.path(results.PLOT)) as stream:
        plot.accuracy_against_time(ranked, font, title).save(stream, 'png')
    print(f'plot:  {kept.path(results.PLOT)}')
