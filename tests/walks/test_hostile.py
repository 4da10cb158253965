"""The server holds its promises while many clients send pictures that cost much."""

import subprocess
import sys

import pytest

from support.shell.programs import ROOT


@pytest.mark.soak
@pytest.mark.parametrize('addresses', [1, 3])
def test_memory_health_and_other_clients_stay_within_their_limits(addresses):
    command = ['-m', 'benchmarks.hostile', '--check', '--seconds=40', f'--addresses={addresses}']
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stdout + done.stderr
