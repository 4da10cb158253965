"""A parameter server and two workers on this machine."""

import re
import signal

import pytest

from support import training_runs
from support.network.addresses import free_addresses
from training.jobs import run_directory


@pytest.fixture
def cluster(runs):
    """Return a function that starts a process of one cluster."""
    server, *workers = free_addresses(3)

    def start(job, task, **typed):
        options = {
            'train_dir': runs.path(),
            'job_name': job,
            'task': task,
            'ps_hosts': server,
            'worker_hosts': ','.join(workers),
            'log_every_n_steps': 1,
            **typed,
        }
        return runs.start(f'{job}{task}', **options)

    return start


# The next test's cluster is asynchronous.
@pytest.mark.parametrize('sync', [pytest.param(False, marks=pytest.mark.soak), True])
def test_a_run_ends_by_itself(runs, cluster, sync):
    typed = {'sync_replicas': sync, 'replicas_to_aggregate': -1, 'max_number_of_steps': 40}
    typed['moving_average_decay'] = 0.9
    processes = [cluster('ps', 0), cluster('worker', 0, **typed), cluster('worker', 1, **typed)]
    for process in processes[1:] + processes[:1]:
        assert process.wait(120) == 0, ''.join(map(runs.log, ('ps0', 'worker0', 'worker1')))
        assert run_directory.read_status(runs.path(), process.pid).state == 'finished'
    assert run_directory.read_status(runs.path()).process == processes[1].pid
    assert runs.newest().step >= 40
    assert f'Global batch {8 if sync else 4}' in runs.log('worker0')
    assert 'Traceback' not in runs.log('worker0') + runs.log('worker1') + runs.log('ps0')


def test_a_killed_worker_comes_back(runs, cluster):
    typed = {'max_number_of_steps': 5000, 'save_interval_steps': 10}
    cluster('ps', 0)
    chief, worker = (cluster('worker', task, **typed) for task in (0, 1))
    runs.wait_for(worker, r'global step \d+', 'worker1')
    worker.kill()
    worker.wait()
    alive_at = max(training_runs.steps_in(runs.log('worker0')), default=0)
    runs.wait_for(chief, f'global step {alive_at + 20}', 'worker0')
    before = len(training_runs.steps_in(runs.log('worker1')))
    again = cluster('worker', 1, **typed)
    runs.wait_for(again, rf'(?s)(global step \d+.*?){{{before + 1}}}', 'worker1')
    for process in (again, chief):
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert runs.newest().step == max(training_runs.steps_in(runs.log('worker0')))


@pytest.mark.soak
@pytest.mark.parametrize('victim', [('worker', 0), ('ps', 0)])
def test_a_killed_chief_or_server_comes_back(runs, cluster, victim):
    typed = {'max_number_of_steps': 600, 'save_interval_steps': 10}
    members = [('worker', 0), ('worker', 1), ('ps', 0)]
    processes = {member: cluster(*member, **typed) for member in members}
    # A line comes before its checkpoint: the second tells that the first is there.
    runs.wait_for(processes['worker', 0], r'(?s)(model\.ckpt-[1-9].*){2}', 'worker0')
    processes[victim].kill()
    processes[victim].wait()
    processes[victim] = cluster(*victim, **typed)
    for member in members:
        assert processes[member].wait(300) == 0, runs.log('{}{}'.format(*member))
    # From the last checkpoint, by the chief that was there or by the new one.
    assert re.search(r'Restoring parameters from .*model\.ckpt-[1-9]', runs.log('worker0'))
    assert runs.newest().step >= 600
    assert training_runs.is_finite(runs.newest())
