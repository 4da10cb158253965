"""Schemathesis finds nothing that the API does against its own description."""

import os
import subprocess
import sys

import numpy as np
import pytest

from classifiers.verdicts import Verdict
from serving.web.server_options import AppConfig, ListenOptions
from support.checkout import ROOT
from support.network.fake_models import FakeHolder, FakePredictor
from support.network.live_servers import running

KEY = 'a key of many letters'
CHECKS = ROOT / 'tests' / 'support' / 'network' / 'schemathesis_checks.py'


@pytest.mark.soak
@pytest.mark.parametrize(
    ('keys', 'verdict'),
    [((), None), ((KEY,), None), ((), Verdict(np.array([0.2, 0.7, 0.1]), 2.5, 0.01, False))],
    ids=['open', 'with keys', 'with limits'],
)
def test_the_api_does_what_its_description_says(tmp_path, keys, verdict):
    # takes_what_is_described stands in for positive_data_acceptance, to which noise is a picture.
    command = '-m schemathesis.cli run --checks all --no-color --seed 1'
    command += ' --exclude-checks positive_data_acceptance --max-examples 100'
    key = ['--header', f'Authorization: Bearer {KEY}'] if keys else []
    environment = {**os.environ, 'SCHEMATHESIS_HOOKS': str(CHECKS)}
    holder = FakeHolder(FakePredictor(verdict=verdict))
    config, options = AppConfig(api_keys=keys), ListenOptions(threads=8)
    with running(holder, config, options) as live:
        address = f'http://127.0.0.1:{live.port}/api/openapi.json'
        found = subprocess.run(
            [sys.executable, *command.split(), *key, address],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=900,
        )
    assert found.returncode == 0, found.stdout[-5000:] + found.stderr[-2000:]
    assert 'Tested: 11' in found.stdout
