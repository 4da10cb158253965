"""The table of the packages that serving needs."""

import runpy
import subprocess
import sys

import pytest

from support.checkout import ROOT

SCRIPT = ROOT / 'scripts/maintenance/serving_environment.py'
_RECORD = 'one/__init__.py,,\none/data/big,,\n../../../bin/one,,\none.libs/lib.so,,\n'


def test_a_package_is_as_large_as_its_directories(tmp_path):
    for name, size in {'one/data/big': 40960, 'one.libs/lib.so': 8192, 'two/big': 8192}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'x' * size)
    about = tmp_path / 'one-1.0.dist-info'
    about.mkdir()
    (about / 'METADATA').write_text('Metadata-Version: 2.1\nName: one\nVersion: 1.0\n')
    (about / 'RECORD').write_text(_RECORD)
    script = runpy.run_path(str(SCRIPT))
    sizes = dict(script['package_sizes'](tmp_path))
    assert sizes == {'one': 40960 + 8192}


@pytest.mark.soak
def test_a_fresh_environment_has_at_most_200_mb():
    """Needs a package index."""
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=True)
    *rows, total = done.stdout.splitlines()
    assert any(row.split()[0] == 'onnxruntime' for row in rows)
    assert total.split()[0] == 'total'
    assert float(total.split()[1]) <= 200
