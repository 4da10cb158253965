"""Print warnings about known vulnerabilities of the packages in requirements*.txt.

The exit status is always 0, because an advisory published today says nothing about the change that
is being tested.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ('requirements.txt', 'requirements-dev.txt', 'requirements-gpu.txt')


def ask():
    """Return pip-audit's report on the locked packages, and its standard error."""
    files = [option for name in LOCKS for option in ('-r', str(ROOT / name))]
    command = [sys.executable, '-m', 'pip_audit', '--disable-pip', '--require-hashes']
    done = subprocess.run(
        [*command, '--progress-spinner=off', '--format=json', *files],
        capture_output=True,
        text=True,
    )
    try:
        return json.loads(done.stdout), done.stderr
    except ValueError:
        return {'dependencies': []}, done.stderr


def describe(report, errors):
    """Return the lines to print about a report."""
    packages = report['dependencies']
    audited = [package for package in packages if 'vulns' in package]
    if not audited:
        reasons = [package['skip_reason'] for package in packages] or errors.strip().splitlines()
        reason = reasons[-1] if reasons else 'no packages are locked'
        return [f'warning: the packages were not audited: no advisories could be read ({reason})']
    found = [
        f'warning: {package["name"]} {package["version"]}: {vulnerability["id"]}, fixed in '
        f'{", ".join(vulnerability["fix_versions"]) or "no version yet"}'
        for package in audited
        for vulnerability in package['vulns']
    ]
    total = f'{len(audited)} of {len(packages)} packages were audited'
    return [*found, f'{total}: {len(found)} known vulnerabilities']


if __name__ == '__main__':
    print(*describe(*ask()), sep='\n')
