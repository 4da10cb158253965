"""Show the curves of training and evaluation together."""

from training.jobs import arguments, programs, settings

# TensorBoard takes seconds to start, and Ctrl-C is the way to end it: neither prints a traceback.
_LINES = """
import runpy, signal, sys
signal.signal(signal.SIGINT, lambda number, frame: sys.exit(130))
sys.path[:] = [sys.argv.pop(1), *filter(None, sys.path)]
from common import startup
from common.errors import exit_cleanly
@exit_cleanly
def load():
    with startup.quiet():
        import tensorflow
load()
sys.path.pop(0)
runpy.run_module('tensorboard.main', run_name='__main__', alter_sys=True)
"""


def main(call):
    """Run TensorBoard in place of this process."""
    known = settings.read()
    if arguments.wants_help(call.arguments):
        print(f'{call.usage()}\n')
        flags = []
    else:
        # TensorBoard's slower reader, which it falls back to, follows only the newest of the two
        # files of events that a run writes side by side, unless this flag is set.
        flags = [*_directories(known), '--reload_multifile=true']
    # Python must not import a folder of the current directory as a package.
    environment = {**known.environment, 'PYTHONSAFEPATH': '1'}
    command = [programs.interpreter(), '-c', _LINES, str(programs.ROOT), *flags, *call.arguments]
    programs.replace_with(command, environment)


def _directories(known):
    train_dir, eval_dir = known.train_dir, known.eval_dir
    # TensorBoard finds all runs below the training's directory.
    if f'{eval_dir}/'.startswith(f'{train_dir.removesuffix("/")}/'):
        return [f'--logdir={train_dir}']
    return [f'--logdir_spec=train:{train_dir},eval:{eval_dir}']
