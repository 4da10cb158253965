"""scripts/maintenance/processor_matrix.py: a table of the results on each kind of processor."""

import importlib.util
import os
import re

import pytest

from support.checkout import ROOT

SMALL = """
import os
import pytest
def test_steady():
    assert 'TF_NUM_INTRAOP_THREADS' not in os.environ
def test_shaky():
    assert os.environ.get('ONEDNN_MAX_CPU_ISA') != 'SSE41'
@pytest.mark.skipif(os.environ.get('TF_ENABLE_ONEDNN_OPTS') == '0', reason='not here')
def test_sometimes_skipped():
    pass
"""


@pytest.fixture(scope='module')
def matrix():
    path = ROOT / 'scripts' / 'maintenance' / 'processor_matrix.py'
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Return a function that lists pytest's arguments for some of three small tests."""
    # A setting of the caller's would hide what an environment leaves open.
    monkeypatch.setenv('TF_NUM_INTRAOP_THREADS', '1')
    monkeypatch.setenv('TF_ENABLE_ONEDNN_OPTS', '0')
    path = tmp_path / 'test_small.py'
    path.write_text(SMALL)
    # Plugins take longer to start than these tests.
    monkeypatch.setenv('PYTEST_DISABLE_PLUGIN_AUTOLOAD', '1')
    alone = ['-q', '-p', 'no:cacheprovider', '-c', os.devnull]
    return lambda *tests: [*alone, *(f'{path}::{test}' for test in tests)]


def environments(matrix, *names):
    return {name: matrix.ENVIRONMENTS[name] for name in names}


def test_a_verdict_that_the_processor_changes_is_named(matrix, small, capfd):
    few = environments(matrix, 'oneDNN, SSE4.1', 'default, 1 thread', 'no oneDNN')
    tests = small('test_steady', 'test_shaky', 'test_sometimes_skipped')
    assert matrix.compare_processors(tests, few) == 1
    _, shown = capfd.readouterr().out.split('environment', 1)
    rows = [re.split(r'\s{2,}', row) for row in shown.splitlines()[1:4]]
    assert [row[0] for row in rows] == list(few)
    assert [row[1:3] for row in rows] == [['2', '0'], ['3', '0'], ['2', '1']]
    assert [row[4] for row in rows] == ['test_small::test_shaky', '-', '-']
    changing = shown.split('verdicts differ:')[1].split()
    assert changing == ['test_small::test_shaky', 'test_small::test_sometimes_skipped']


def test_the_status_is_0_where_all_agree(matrix, small, capfd):
    few = environments(matrix, 'oneDNN, SSE4.1', 'oneDNN, AVX2')
    assert matrix.compare_processors(small('test_steady'), few) == 0
    assert 'differ' not in capfd.readouterr().out


def test_tests_that_cannot_run_are_no_success(matrix, small, capfd):
    few = environments(matrix, 'oneDNN, AVX2')
    assert matrix.compare_processors(small('test_missing'), few) == 1
    assert 'pytest ended with status 4' in capfd.readouterr().out


def test_the_list_names_what_is_there(matrix):
    assert [path for path in matrix.TESTS if not (ROOT / path).exists()] == []
    assert matrix.chooses_tests(['-x', 'tests/nets'])
    assert not matrix.chooses_tests(['-x', '-k', 'lenet'])
