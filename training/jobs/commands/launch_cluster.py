"""Train on several processes of this machine: one parameter server and some workers."""

import dataclasses
import os
import shlex
import socket
import subprocess
import sys

from common.errors import UserError
from training.jobs import arguments, log_files, programs

PROGRAM = 'train_image_classifier.py'
_STOPPED = 130


def main(call):
    """Start all processes, wait for them, and propose the evaluation."""
    call.answer_help(PROGRAM)
    count, typed = _worker_count(call), call.arguments[1:]
    logs = os.environ.get('SLIM_CLUSTER_LOGS') or os.getcwd()
    os.makedirs(logs, exist_ok=True)
    server, *workers = _free_addresses(count + 1)
    hosts = [f'--ps_hosts={server}', f'--worker_hosts={",".join(workers)}']
    places = [('ps', 0), *(('worker', task) for task in range(count))]
    with _Cluster(logs) as cluster:
        for job, task in places:
            cluster.start(job, task, [*typed, f'--job_name={job}', f'--task={task}', *hosts])
        cluster.wait()
    _propose(typed)


def _worker_count(call):
    text = call.arguments[0] if call.arguments else ''
    if not (text.isascii() and text.isdecimal()) or text.startswith('0'):
        raise UserError(
            f"'{text}': the first argument must be the number of workers: {call.script} 2 "
            '--train_dir=...'
        )
    return int(text)


def _free_addresses(count):
    # All sockets stay open until the last port is found, so that the ports differ.
    sockets = [socket.create_server(('127.0.0.1', 0)) for _ in range(count)]
    addresses = [f'127.0.0.1:{each.getsockname()[1]}' for each in sockets]
    for each in sockets:
        each.close()
    return addresses


@dataclasses.dataclass
class _Member:
    """A process of the cluster and its log."""

    job: str
    task: int
    log: str
    process: subprocess.Popen

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()


class _Cluster:
    """The processes; Ctrl-C or SIGTERM ends them all. Use it in a `with` block."""

    def __init__(self, logs):
        self._logs = logs
        self._members = []
        self._is_stopping = False
        self._handlers = {}

    def __enter__(self):
        self._handlers = programs.handle_stop_signals(lambda *_: self._stop_workers())
        return self

    def __exit__(self, *error):
        programs.restore_handlers(self._handlers)

    def start(self, job, task, flags):
        """Start a process with its output in a log of its own."""
        if self._is_stopping:
            return
        log = os.path.join(self._logs, f'cluster_{job}_{task}.log')
        with open(log, 'wb') as stream:
            process = programs.in_background(
                programs.command(PROGRAM, *flags), stdout=stream, stderr=subprocess.STDOUT
            )
        self._members.append(_Member(job, task, log, process))
        print(f'{job} {task}: process {process.pid}, log {log}')

    def wait(self):
        """Wait until all have ended; exit if one failed or all were stopped."""
        if self._is_stopping:  # Perhaps before the chief was started.
            self._end(_STOPPED)
        server, chief, *others = self._members
        status = programs.exit_status(chief.process.wait())
        if self._is_stopping:
            self._end(_STOPPED)
        # Training cannot continue without the chief. After a kill, the user may restart it by hand.
        if 0 < status < 128:
            print(f'worker 0 failed: {log_files.last_line(chief.log)}', file=sys.stderr)
            self._stop_workers()
            self._end(status)
        ended = [status, *(member.process.wait() for member in [*others, server])]
        if self._is_stopping:
            self._end(_STOPPED)
        if any(ended):
            print(
                f'a process failed; its log says why: {self._logs}/cluster_*.log', file=sys.stderr
            )
            sys.exit(1)

    def _stop_workers(self):
        if not self._is_stopping:
            self._is_stopping = True
            print('stopping all', file=sys.stderr)
            for member in self._members[1:]:
                member.stop()

    def _end(self, status):
        # The server is stopped last: without it the workers cannot save.
        for member in [*self._members[1:], *self._members[:1]]:
            member.stop()
            member.process.wait()
        sys.exit(status)


def _propose(typed):
    train_dir = arguments.value(typed, 'train_dir', 'TRAIN_DIR')
    dataset_dir = arguments.value(typed, 'data_dir', 'DATASET_DIR')
    dataset_dir = arguments.value(typed, 'dataset_dir', dataset_dir)
    flags = [
        f'--checkpoint_path={train_dir}',
        f'--eval_dir={train_dir}/eval',
        f'--dataset_dir={dataset_dir}',
    ]
    command = [programs.interpreter(), str(programs.ROOT / 'eval_image_classifier.py'), *flags]
    print(f'next: {shlex.join(command)}')
