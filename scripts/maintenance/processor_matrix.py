"""Run the numerically sensitive tests once for each kind of processor, and compare the results.

Usage: scripts/run_tests.sh --processors [ARGUMENTS OF PYTEST]

Arguments that name tests replace the list below. The exit status is 1 if a test fails, or if its
result differs between environments.
"""

import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[2]
# Whether oneDNN is on by default depends on the processor, and a limit of its instructions has an
# effect only where it is on.
ENVIRONMENTS = {
    'oneDNN, SSE4.1': {'TF_ENABLE_ONEDNN_OPTS': '1', 'ONEDNN_MAX_CPU_ISA': 'SSE41'},
    'oneDNN, AVX2': {'TF_ENABLE_ONEDNN_OPTS': '1', 'ONEDNN_MAX_CPU_ISA': 'AVX2'},
    'oneDNN, no limit': {'TF_ENABLE_ONEDNN_OPTS': '1'},
    'no oneDNN': {'TF_ENABLE_ONEDNN_OPTS': '0'},
    'default, 1 thread': {},
    'default, 2 threads': {'TF_NUM_INTRAOP_THREADS': '2', 'TF_NUM_INTEROP_THREADS': '2'},
}
SWITCHES = {name for settings in ENVIRONMENTS.values() for name in settings}
# Tests that train, evaluate or compare numbers. Those of processes, signals and files are left out.
TESTS = (
    'tests/walks/test_one_graph_everywhere.py',
    'tests/walks/test_parity.py',
    'tests/classifiers',
    'tests/deployment/test_model_deploy.py',
    'tests/deployment/test_precision.py',
    'tests/nets',
    'tests/preprocessing',
    'tests/serving/graphdef/test_batch_norm_folding.py',
    'tests/serving/terminal/test_classify.py',
    'tests/serving/graphdef/test_constant_folding.py',
    'tests/serving/export/test_export.py',
    'tests/serving/model/test_predictor.py',
    'tests/training/evaluation/test_evaluator.py',
    'tests/training/evaluation/test_program.py',
    'tests/training/evaluation/test_evaluation_best.py',
    'tests/training/test_inputs.py',
    'tests/training/test_losses.py',
    'tests/training/evaluation/test_metrics.py',
    'tests/training/test_optimizers.py',
    'tests/training/test_train.py',
    'tests/training/runs/test_train_exact.py',
    'tests/training/runs/test_train_families.py',
    'tests/training/runs/test_train_summaries.py',
    'tests/training/runs/test_train_transfer.py',
    'tests/training/runs/test_train_validation.py',
    'tests/training/runs/test_train_warm_start.py',
)


@dataclasses.dataclass(frozen=True)
class Run:
    """The results of the tests in one environment."""

    environment: str
    verdicts: Mapping[str, str]
    status: int
    seconds: float

    def named(self, verdict):
        return sorted(test for test, given in self.verdicts.items() if given == verdict)


def run_tests(environment, settings, arguments):
    """Run pytest with the settings of an environment, and return the Run."""
    others = {name: value for name, value in os.environ.items() if name not in SWITCHES}
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory, 'report.xml')
        command = [sys.executable, '-m', 'pytest', f'--junitxml={report}', *arguments]
        status = subprocess.run(command, cwd=ROOT, env={**others, **settings}).returncode
        verdicts = read_verdicts(report) if report.exists() else {}
    return Run(environment, verdicts, status, time.monotonic() - started)


def read_verdicts(report):
    """Return {test: passed, skipped or failed} from a report in JUnit's format."""
    verdicts = {}
    for case in ElementTree.parse(report).iter('testcase'):
        test = f'{case.get("classname")}::{case.get("name")}'
        parts = {part.tag for part in case}
        if parts & {'failure', 'error'}:
            verdicts[test] = 'failed'
        elif verdicts.get(test) != 'failed':
            verdicts[test] = 'skipped' if 'skipped' in parts else 'passed'
    return verdicts


def differing(runs):
    """List the tests whose verdicts differ between runs."""
    tests = {test for run in runs for test in run.verdicts}
    return sorted(test for test in tests if len({run.verdicts.get(test) for run in runs}) > 1)


def table(runs):
    """Return the lines of a table with a row for each environment."""
    yield f'{"environment":20} {"passed":>6} {"skipped":>7} {"minutes":>7}  failed'
    for run in runs:
        failed = ', '.join(run.named('failed')) or '-'
        if run.status > 1:
            failed += f' (pytest ended with status {run.status})'
        passed, skipped = (len(run.named(verdict)) for verdict in ('passed', 'skipped'))
        yield (f'{run.environment:20} {passed:6} {skipped:7} {run.seconds / 60:7.1f}  {failed}')


def chooses_tests(arguments):
    """Tell whether arguments of pytest name files or directories."""
    return any((ROOT / argument.split('::')[0]).exists() for argument in arguments)


def compare_processors(arguments, environments=ENVIRONMENTS):
    """Run the tests in each environment, print the table, and return the exit status."""
    if not chooses_tests(arguments):
        arguments = [*arguments, *TESTS]
    runs = []
    for number, (environment, settings) in enumerate(environments.items(), start=1):
        print(f'[{number}/{len(environments)}] {environment}', flush=True)
        runs.append(run_tests(environment, settings, arguments))
    print('', *table(runs), sep='\n')
    changing = differing(runs)
    if changing:
        print('verdicts differ:', *changing, sep='\n  ')
    return int(bool(changing) or any(run.status for run in runs))


if __name__ == '__main__':
    sys.exit(compare_processors(sys.argv[1:]))
