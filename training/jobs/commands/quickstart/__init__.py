"""Get from a new checkout to a server with a trained classifier.

This package needs nothing but Python's own library: it runs before the environment is installed.
"""

import shlex
import time

from training.jobs import programs
from training.jobs.command_line import Parser
from training.jobs.commands.quickstart import steps
from training.jobs.commands.quickstart.progress import Progress
from training.jobs.commands.quickstart.weights import Choice
from training.jobs.commands.quickstart.work import Work


def main(call):
    """Run the steps that are not finished, print the accuracy, and run the server."""
    call.answer_help()
    options = _parse(call.arguments)
    choice = Choice.of(options)
    work = Work.open(options)
    if not options.no_setup:
        programs.run([str(programs.SCRIPTS / 'setup_env.sh')])
    began = time.monotonic()
    with programs.ProgramRunner() as runner:
        weights = choice.fetch(work.path / 'weights.log', runner)
        frozen = steps.run(work, Progress(work, runner), weights, options.steps)
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
    parser.add_argument('--weights', default='')
    parser.add_argument('--model_name', default='')
    parser.add_argument('--dir', default='')
    parser.add_argument('--port', type=int)
    parser.add_argument('--steps', type=int, default=3000)
    parser.add_argument('--no_serve', action='store_true')
    parser.add_argument('--no_setup', action='store_true')
    return parser.parse_args(typed)
