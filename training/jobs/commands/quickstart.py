"""Get from a new checkout to a server with a trained classifier.

This module needs nothing but Python's own library: it runs before the environment is installed.
"""

import csv
import dataclasses
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from common.errors import UserError
from training.jobs import log_files, programs, recipes
from training.jobs.command_line import Parser

MODEL = 'mobilenet_v1_025'
DRAWN = 'sample_flowers'
# Not the name of the user's folder: a folder "flowers" is not the published data set of that name.
OWN = 'my_pictures'
_KEY = 'quickstart.key'
_PARTS = 6
_SHOWN_EVERY_SECS = 10


def main(call):
    """Run the steps that are not finished, print the accuracy, and run the server."""
    call.answer_help()
    options = _parse(call.arguments)
    work = Work.open(options)
    if not options.no_setup:
        programs.run([str(programs.SCRIPTS / 'setup_env.sh')])
    began = time.monotonic()
    with programs.ProgramRunner() as runner:
        frozen = _build(work, Progress(work, runner), options.steps)
        accuracy = work.read_json('eval/metrics.json')['accuracy']
    port = [] if options.port is None else [f'--port={options.port}']
    server = programs.command('server.py', f'--model_name={frozen}', *port)
    print(f'\nthe records, the checkpoints, the results: {work.path}')
    print(f'the classifier, one file: {frozen}')
    if options.no_serve:
        print(f'next: {shlex.join(server)}')
    seconds = time.monotonic() - began
    print(f'quickstart: validation accuracy {accuracy:.4f}, {seconds:.0f} s')
    if not options.no_serve:
        print()
        programs.replace_with(server)


def _parse(typed):
    parser = Parser()
    parser.add_argument('--images', default='')
    parser.add_argument('--dir', default='')
    parser.add_argument('--port', type=int)
    parser.add_argument('--steps', type=int, default=3000)
    parser.add_argument('--no_serve', action='store_true')
    parser.add_argument('--no_setup', action='store_true')
    return parser.parse_args(typed)


@dataclasses.dataclass(frozen=True)
class Work:
    """The directory of all results, and the user's folder of pictures ('' for drawn pictures)."""

    path: Path
    images: str
    name: str

    @classmethod
    def open(cls, options):
        """Create the directory that the options name, and return its Work."""
        images, name = '', DRAWN
        if options.images:
            if not os.path.isdir(options.images):
                raise UserError(
                    f'--images={options.images}: no such folder; it must hold one folder for each '
                    'class'
                )
            images, name = os.path.abspath(options.images), OWN
        default = programs.ROOT / 'quickstart' / (os.path.basename(images) or name)
        path = Path(os.path.abspath(options.dir or default))
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not (path / _KEY).exists() and any(path.iterdir()):
                raise UserError(
                    f'--dir={path}: contains other files; name a directory that is empty or does '
                    'not exist'
                )
            (path / _KEY).touch()
        except OSError as error:
            raise UserError(f'--dir={path}: cannot be written ({error.strerror})') from None
        return cls(path, images, name)

    @property
    def source(self):
        """Return the link to the user's folder, under the name of the data set."""
        return self.path / 'source' / self.name

    def link_source(self):
        """Link to the user's folder."""
        self.source.parent.mkdir(exist_ok=True)
        self.source.unlink(missing_ok=True)
        self.source.symlink_to(self.images)

    def read_json(self, name):
        """Return the content of a JSON file below the directory."""
        return json.loads((self.path / name).read_text(encoding='utf-8'))

    def forget_older(self, key):
        """Remove results with another key; they are from other pictures or another recipe."""
        if (self.path / _KEY).read_text(encoding='utf-8') != key:
            for name in ('train', 'eval', 'model'):
                shutil.rmtree(self.path / name, ignore_errors=True)
            for step in ('train', 'evaluate', 'export', 'freeze'):
                (self.path / f'{step}.done').unlink(missing_ok=True)
            (self.path / _KEY).write_text(key, encoding='utf-8')


class Progress:
    """Run each step once, with its output in a log, and print how long it took."""

    def __init__(self, work, runner):
        self._work = work
        self._runner = runner
        self._number = 0

    def step(self, step, title, command, again=False, output=None):
        """Run a step, unless an earlier run has finished it and `again` is false."""
        self._number += 1
        done = self._work.path / f'{step}.done'
        if again:
            done.unlink(missing_ok=True)
        if done.exists():
            print(f'[{self._number}/{_PARTS}] {title}: done before')
            return
        print(f'[{self._number}/{_PARTS}] {title}')
        log = self._work.path / f'{step}.log'
        began = time.monotonic()
        if self._run(command, log, output):
            self._show_failure(log)
            raise UserError(f"the step '{title}' failed; its log is {log}")
        done.touch()
        print(f'      {time.monotonic() - began:.0f} s')

    def _run(self, command, log, output):
        with open(log, 'wb') as stream, open(output or os.devnull, 'wb') as answers:
            out, err = (answers, stream) if output else (stream, subprocess.STDOUT)
            process = self._runner.start(command, stdout=out, stderr=err)
            _follow(process, log)
            return self._runner.wait(process)

    def _show_failure(self, log):
        for line in log_files.complaint(log):
            # The user does not know the link to the folder.
            print(line.replace(str(self._work.source), self._work.images), file=sys.stderr)


def _follow(process, log):
    """Wait for a process, and print the progress of a training from time to time."""
    shown = ''
    while True:
        try:
            process.wait(_SHOWN_EVERY_SECS)
            return
        except subprocess.TimeoutExpired:
            line = log_files.progress(log)
            if line != shown:
                print(f'      {line}')
            shown = line


def _build(work, progress, max_steps):
    """Run the six steps, and return the path of the frozen graph."""
    data, train_dir = work.path / 'data', work.path / 'train'
    # The program itself checks whether pictures have changed.
    progress.step(
        'convert',
        f'convert {work.images or "drawn sample flowers"}',
        programs.command('download_and_convert_data.py', *_conversion(work)),
        again=True,
    )
    recipe = _recipe(work, max_steps)
    manifest = (data / f'{work.name}.manifest.json').read_bytes()
    work.forget_older(hashlib.sha256(manifest + ' '.join(recipe).encode()).hexdigest())
    named = [f'--dataset_name={work.name}', f'--dataset_dir={data}']
    progress.step(
        'train',
        f'train {MODEL} at 128 pixels',
        programs.command(
            'train_image_classifier.py', *named, f'--train_dir={train_dir}', *recipe, '--seed=1'
        ),
    )
    progress.step(
        'evaluate', 'evaluate on the validation pictures', _evaluation(work, named, train_dir)
    )
    frozen = _freeze(work, progress, train_dir)
    output = work.path / 'classify.txt'
    progress.step(
        'classify',
        'classify some pictures',
        programs.command('classify_image.py', f'--model={frozen}', *_pictures(work)),
        again=True,
        output=output,
    )
    print(output.read_text(encoding='utf-8'), end='')
    return frozen


def _evaluation(work, named, train_dir):
    """Return the command of the evaluation."""
    return programs.command(
        'eval_image_classifier.py',
        *named,
        '--dataset_split_name=validation',
        f'--checkpoint_path={train_dir}',
        f'--eval_dir={work.path}/eval',
    )


def _conversion(work):
    """Return the flags of the conversion."""
    if not work.images:
        return [f'--dataset_name={work.name}', f'--dataset_dir={work.path}/data']
    work.link_source()
    return [
        f'--dataset_name={work.name}',
        f'--dataset_dir={work.source.parent}',
        f'--output_directory={work.path}/data',
        '--overwrite',
    ]


def _recipe(work, max_steps):
    """Return the flags that train the network on the pictures."""
    flags = [f'--model_name={MODEL}', *recipes.from_scratch(MODEL, DRAWN)]
    if work.images:
        # With few pictures 45 epochs are too few steps. (A large folder would take hours: --steps.)
        manifest = work.read_json(f'data/{work.name}.manifest.json')
        pictures = manifest['splits']['train']['examples']
        flags.append(f'--num_epochs={max(45, 600 * 32 // max(1, pictures))}')
    return [*flags, f'--max_number_of_steps={max_steps}']


def _freeze(work, progress, train_dir):
    """Export the network and freeze it; return the path of the frozen graph."""
    (work.path / 'model').mkdir(exist_ok=True)
    graph, frozen = work.path / 'model/network.pb', work.path / f'model/{work.name}.pb'
    progress.step(
        'export',
        'export the network',
        programs.command(
            'export_inference_graph.py', f'--checkpoint_path={train_dir}', f'--output_file={graph}'
        ),
    )
    output = work.read_json('model/network.json')['nodes']['output']
    progress.step(
        'freeze',
        'freeze network and weights into one file',
        programs.command(
            'freeze_graph.py',
            f'--input_graph={graph}',
            '--input_binary=True',
            f'--input_checkpoint={train_dir}',
            f'--output_graph={frozen}',
            f'--output_node_names={output}',
        ),
    )
    return frozen


def _pictures(work):
    """Return pictures that were not trained on: drawn ones, or the first held-out of each class."""
    if not work.images:
        folder = work.path / 'pictures'
        if not folder.exists():
            programs.run(programs.function(__name__, 'draw', str(folder)))
        return sorted(str(path) for path in folder.glob('*/*'))
    with open(work.path / 'eval/predictions.csv', newline='', encoding='utf-8') as stream:
        rows = list(csv.DictReader(stream))
    firsts = {row['true_class']: row['file_name'] for row in reversed(rows)}
    return [os.path.join(work.images, name) for name in sorted(firsts.values())[:5]]


def draw(folder):
    """Draw one flower of each kind into `folder`/KIND: pictures that no training has seen."""
    from datasets.samples import sample_flowers

    sample_flowers.write_pictures(folder, 1, seed='quickstart')
