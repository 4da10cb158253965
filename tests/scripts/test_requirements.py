"""Locked packages: hashes, the installation that compares them, known vulnerabilities."""

import hashlib
import re
import runpy
import subprocess
import sys
import tarfile
import zipfile

import pytest
from packaging.requirements import Requirement
from setuptools import build_meta
from setuptools.config import pyprojecttoml

from support.checkout import ROOT
from support.shell import readme, script_checkout

SERVE = 'requirements-serve.txt'
LOCKS = ['requirements.txt', 'requirements-dev.txt', 'requirements-gpu.txt', SERVE]


def locked(name):
    """List the requirements of a file with their hashes."""
    text = (ROOT / name).read_text(encoding='utf-8').replace('\\\n', '')
    for line in text.splitlines():
        if not line.startswith(('#', '-r')):
            requirement, *hashes = re.split(r'\s+--hash=sha256:', line)
            yield Requirement(requirement), hashes


@pytest.mark.parametrize('name', LOCKS)
def test_each_locked_package_has_one_version_and_hashes(name):
    for requirement, hashes in locked(name):
        assert re.fullmatch(r'==[\w.]+', str(requirement.specifier)), requirement
        assert hashes, requirement
        assert all(re.fullmatch('[0-9a-f]{64}', found) for found in hashes), requirement


def metadata():
    """Return the metadata of the package, which pyproject.toml describes."""
    return pyprojecttoml.read_configuration(ROOT / 'pyproject.toml')['project']


def test_what_pyproject_asks_for_is_locked_at_a_version_that_fits():
    project = metadata()
    extras = project['optional-dependencies']
    wanted = project['dependencies'] + extras['dev'] + extras['gpu']
    versions = {}
    for name in LOCKS:
        for requirement, _ in locked(name):
            version = str(requirement.specifier).removeprefix('==')
            versions.setdefault(requirement.name, []).append(version)
    for requirement in map(Requirement, wanted):
        found = versions[requirement.name]
        assert all(requirement.specifier.contains(version) for version in found), requirement


def test_the_packages_for_serving_are_some_of_all_packages():
    of_serving = [str(requirement) for requirement, _ in locked(SERVE)]
    assert set(of_serving) < {str(requirement) for requirement, _ in locked('requirements.txt')}
    assert not any('tensorflow' in name or 'onnx==' in name for name in of_serving)


def files_of_rooms():
    """List all files of the packages that git knows, other than documentation."""
    listed = subprocess.run(
        ['git', 'ls-files', '*/__init__.py'], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    rooms = {path.split('/')[0] for path in listed} - {'tests', 'scripts', 'benchmarks'}
    known = subprocess.run(
        ['git', 'ls-files', *sorted(rooms)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(known.stdout.splitlines())


def test_a_wheel_and_a_source_archive_have_every_file_of_the_packages(tmp_path, monkeypatch):
    expected = files_of_rooms()
    assert {'common/imagenet/classes.csv', 'serving/web/templates/page.html'} <= expected
    checkout = readme.copy_checkout(tmp_path / 'checkout')
    monkeypatch.chdir(checkout)
    wheel = build_meta.build_wheel(str(tmp_path))
    with zipfile.ZipFile(tmp_path / wheel) as archive:
        packed = {name for name in archive.namelist() if '.dist-info/' not in name}
    assert packed == expected
    source = build_meta.build_sdist(str(tmp_path))
    with tarfile.open(tmp_path / source) as archive:
        packed = {name.partition('/')[2] for name in archive.getnames()}
    assert expected | {'pyproject.toml', 'setup.py', 'README.md', 'LICENSE'} <= packed


WHEEL = {
    'tiny.py': '',
    'tiny-1.0.dist-info/METADATA': 'Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n',
    'tiny-1.0.dist-info/WHEEL': 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    'tiny-1.0.dist-info/RECORD': '',
}


def write_wheel(folder):
    """Write a package without content; return the hash of its file."""
    path = folder / 'tiny-1.0-py3-none-any.whl'
    with zipfile.ZipFile(path, 'w') as archive:
        for name, text in WHEEL.items():
            archive.writestr(name, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.soak
def test_only_files_with_the_locked_hash_are_installed(tmp_path):
    checkout = script_checkout.Checkout(tmp_path)
    right, wrong = write_wheel(tmp_path), '0' * 64

    def install(hashes, gpu='1'):
        (checkout.root / 'requirements.txt').write_text('')
        (checkout.root / 'requirements-gpu.txt').write_text(f'tiny==1.0 {hashes}\n')
        settings = {'PIP_NO_INDEX': '1', 'PIP_FIND_LINKS': str(tmp_path)}
        done = checkout.run('setup_env.sh', SLIM_PYTHON=sys.executable, SLIM_GPU=gpu, **settings)
        return done.returncode, done.stderr

    (checkout.root / '.venv/bin/python').unlink()
    for hashes in ('', f'--hash=sha256:{wrong}'):
        status, errors = install(hashes)
        assert status == 1
        assert 'error: the packages could not be installed' in errors
    # NVIDIA's libraries are left alone unless they are asked for.
    assert install(f'--hash=sha256:{wrong}', gpu='0')[0] == 0
    assert install(f'--hash=sha256:{right}') == (0, '')


FLAW = {'id': 'PYSEC-2026-1', 'fix_versions': ['1.1', '2.0']}
AUDITS = {
    'nothing found': (
        [{'name': 'a', 'version': '1.0', 'vulns': []}, {'name': 'b', 'skip_reason': 'unknown'}],
        '',
        ['1 of 2 packages were audited: 0 known vulnerabilities'],
    ),
    'a vulnerability': (
        [{'name': 'a', 'version': '1.0', 'vulns': [FLAW]}],
        'Found 1 known vulnerability in 1 package\n',
        [
            'warning: a 1.0: PYSEC-2026-1, fixed in 1.1, 2.0',
            '1 of 1 packages were audited: 1 known vulnerabilities',
        ],
    ),
    'the service knows nothing': (
        [{'name': 'a', 'skip_reason': 'not found'}],
        'No known vulnerabilities found\n',
        ['warning: the packages were not audited: no advisories could be read (not found)'],
    ),
    'no network': (
        [],
        'Traceback\nConnectionError: no route\n',
        [
            'warning: the packages were not audited: no advisories could be read '
            '(ConnectionError: no route)'
        ],
    ),
}


@pytest.mark.parametrize('case', AUDITS)
def test_an_audit_warns_of_what_it_finds_and_of_what_it_could_not_ask(case):
    packages, errors, lines = AUDITS[case]
    program = runpy.run_path(str(ROOT / 'scripts/maintenance/audit_requirements.py'))
    describe = program['describe']
    assert describe({'dependencies': packages}, errors) == lines
