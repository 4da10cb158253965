"""Run the benchmarks of inference, and write their tables to benchmarks/results.md.

    python -m benchmarks.run_all
    python -m benchmarks.run_all --networks=mobilenet_v1 --long=0 --output=/tmp/results.md

It takes about twenty minutes on two cores; nothing else should run meanwhile. Each benchmark is a
program of its own, which says at its top how it measures. If one fails, the file has its error
message, and the exit status is 1. OpenVINO is measured if it is installed (see CONTRIBUTING.md).
"""

import argparse
import datetime
import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile

from benchmarks import engines
from common import files, processors

_RESULTS = os.path.join(os.path.dirname(__file__), 'results.md')
_ENGINES = 'onnxruntime', 'openvino', 'tensorflow'
_PACKAGES = (*_ENGINES, 'numpy', 'simplejpeg', 'pillow', 'flask', 'waitress')
_INSTRUCTIONS = 'avx2', 'avx_vnni', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_tile'
_INTRODUCTION = """# Results

Written by `python -m benchmarks.run_all`. The weights of the networks are random. Ratios are
medians of the rounds; a goal that is missed on this machine is marked.

"""


def parts(options, folder):
    """Yield (heading, arguments of `python -m`) for each benchmark."""
    common = f'--rounds={options.rounds}', f'--folder={folder}'
    one = *common, f'--network={options.networks[0]}'
    http = 'benchmarks.serving', *one, f'--requests={options.requests}'
    every = f'--networks={",".join(options.networks)}', f'--seconds={options.seconds}'
    yield 'Engines', ('benchmarks.engines', *common, *every, '--int8')
    yield 'Start', ('benchmarks.start_up', *one)
    yield 'HTTP with ONNX Runtime', (*http, '--engine=onnx', f'--long={options.long}')
    yield 'HTTP with TensorFlow', (*http, '--engine=tensorflow', '--long=0')


def run(arguments):
    """Return (what a benchmark printed, whether it succeeded)."""
    done = subprocess.run(
        [sys.executable, '-m', *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if not done.returncode:
        return done.stdout, True
    reason = f'FAILED with exit status {done.returncode}:\n\n```\n{done.stderr.strip()}\n```\n'
    return f'{done.stdout}\n{reason}', False


def machine():
    """Yield lines about the machine and the versions of the programs."""
    with open('/proc/cpuinfo', encoding='utf-8') as stream:
        pairs = [line.split(':', 1) for line in stream if ':' in line]
    facts = {name.strip(): value.strip() for name, value in pairs}
    flags = facts.get('flags', '').split()
    found, missing = (
        ', '.join(each for each in _INSTRUCTIONS if (each in flags) is wanted)
        for wanted in (True, False)
    )
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30
    name = facts.get('model name', platform.machine())
    yield f'- {datetime.date.today()}: {processors.available()} cores, {name}, {memory:.0f} GB'
    yield f'- instruction sets: {found or "none"} (not {missing})'
    yield f'- load average at the start: {os.getloadavg()[0]:.1f} (0 to 0.5 on a quiet machine)'
    yield f'- {platform.system()}, Python {platform.python_version()}'
    yield f'- {", ".join(map(_version, _PACKAGES))}'


def _version(package):
    try:
        return f'{package} {importlib.metadata.version(package)}'
    except importlib.metadata.PackageNotFoundError:
        return f'{package} is not installed'


def main():
    """Read the flags, run the benchmarks, and write the file after each of them."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--networks', type=engines.names, default=list(engines.NETWORKS))
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=float, default=3.0, help='for each rate')
    parser.add_argument('--requests', type=int, default=400, help='in each round')
    parser.add_argument('--long', type=int, default=10_000, help='requests of the long run')
    parser.add_argument('--folder', help='keep the models here, or use those that exist')
    parser.add_argument('--output', default=_RESULTS)
    options = parser.parse_args()
    content, failed = _INTRODUCTION + '\n'.join(machine()) + '\n', []
    with tempfile.TemporaryDirectory() as temporary:
        for heading, arguments in parts(options, options.folder or temporary):
            print(f'{heading} ...', flush=True)
            text, is_good = run(arguments)
            content += f'\n## {heading}\n\n{text.strip()}\n'
            files.write_text(options.output, content)
            failed += [] if is_good else [heading]
    print(f'Wrote {options.output}')
    if failed:
        raise SystemExit(f'failed: {", ".join(failed)}')


if __name__ == '__main__':
    main()
