"""The benchmarks run, and run_all.py reports one that fails."""

import subprocess
import sys

import pytest

from support.checkout import ROOT

NETWORK = 'mobilenet_v1_025'
TINY = {
    'convert': ['--pictures=80', '--repeats=1'],
    'evaluation': [f'--networks={NETWORK}', '--pictures=16', '--batch_size=8', '--rounds=1'],
    'frozen_graph': [f'--networks={NETWORK}', '--batch_sizes=1', '--rounds=1'],
    'input_pipeline': ['--rounds=1', '--seconds=0.2'],
    'training_loop': ['--rounds=1', '--steps=1', '--batch_size=2'],
}


def run(name, *flags):
    return subprocess.run(
        [sys.executable, '-m', f'benchmarks.{name}', *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
    )


@pytest.mark.soak
@pytest.mark.parametrize('name', TINY)
def test_a_benchmark_runs(name):
    done = run(name, *TINY[name])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.soak
def test_all_benchmarks_of_inference_write_their_tables(tmp_path):
    output = tmp_path / 'results.md'
    flags = ['--rounds=1', '--seconds=0.2', '--requests=16', '--long=20', f'--output={output}']
    done = run('run_all', f'--networks={NETWORK}', *flags)
    text = output.read_text()
    assert done.returncode == 0, text + done.stderr
    for part in ('ours, ONNX Runtime, int8 |', 'server.py', 'plain Flask, unfolded'):
        assert part in text
    assert '\n| 20 |' in text  # The long run.
    assert '0 requests failed' in text


@pytest.mark.soak
def test_a_benchmark_that_fails_is_reported_and_the_others_run(tmp_path):
    output = tmp_path / 'results.md'
    done = run('run_all', '--networks=mobilenet_v9', f'--output={output}')
    assert done.returncode == 1
    assert 'Traceback' not in done.stderr
    text = output.read_text()
    assert text.count('FAILED with exit status 1') == 4
    assert "'mobilenet_v9'" in text
