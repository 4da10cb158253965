"""Roles of processes from options or TF_CONFIG, and parameter servers that exit after training."""

import json
import os
import socket
import subprocess
import sys
import threading

import pytest
import tensorflow.compat.v1 as tf

from common.errors import UserError
from deployment import cluster
from deployment.cluster import Place
from deployment.cluster_options import ClusterOptions
from deployment.liveness import ServerWatch, WorkerTracker
from support.checkout import ROOT
from support.network.addresses import free_addresses
from support.shell import cluster_member

PS, WORKERS = 'a:1', 'b:1,c:1'
CLUSTER = {'ps': ['a:1'], 'worker': ['b:1', 'c:1']}
CHIEF_CLUSTER = {'ps': ['a:1'], 'chief': ['b:1'], 'worker': ['c:1']}


def tf_config(jobs, kind='worker', index=0):
    return {'TF_CONFIG': json.dumps({'cluster': jobs, 'task': {'type': kind, 'index': index}})}


def member(job, task):
    return Place(job, task, 2, 1, '', ('a:1',), ('b:1', 'c:1'))


@pytest.mark.parametrize(
    ('given', 'environment', 'place'),
    [
        ({}, {}, Place()),
        ({'master': 'local'}, {}, Place()),
        ({'task': 0, 'worker_replicas': 1, 'num_ps_tasks': 0}, {}, Place()),
        ({'job_name': 'ps', 'ps_hosts': PS, 'worker_hosts': WORKERS}, {}, member('ps', 0)),
        (
            {'job_name': 'worker', 'task': 1, 'ps_hosts': PS, 'worker_hosts': 'b:1, c:1'},
            {},
            member('worker', 1),
        ),
        ({}, tf_config(CLUSTER, 'ps'), member('ps', 0)),
        ({}, tf_config(CLUSTER, 'worker', 1), member('worker', 1)),
        ({}, tf_config(CHIEF_CLUSTER, 'chief'), member('worker', 0)),
        ({}, tf_config(CHIEF_CLUSTER, 'worker', 0), member('worker', 1)),
        ({}, {'TF_CONFIG': '{}'}, Place()),
        ({}, tf_config({'chief': ['b:1']}, 'chief'), Place()),
        (
            {'job_name': 'worker', 'ps_hosts': PS, 'worker_hosts': WORKERS},
            tf_config({'ps': ['x:1'], 'worker': ['y:1']}),
            member('worker', 0),
        ),
        (
            {'master': 'grpc://b:1', 'task': 1, 'worker_replicas': 2, 'num_ps_tasks': 1},
            {},
            Place('worker', 1, 2, 1, 'grpc://b:1'),
        ),
    ],
)
def test_flags_and_tf_config_set_the_role_of_a_process(given, environment, place):
    assert cluster.resolve(ClusterOptions(**given), environment) == place


HOSTS = {'ps_hosts': PS, 'worker_hosts': WORKERS}


@pytest.mark.parametrize(
    ('given', 'environment', 'message'),
    [
        (HOSTS, {}, '--job_name is missing: pass ps or worker'),
        ({'job_name': 'ps', 'ps_hosts': PS}, {}, '--worker_hosts is missing'),
        (
            {**HOSTS, 'job_name': 'wroker'},
            {},
            "--job_name=wroker: unknown job name 'wroker'; known",
        ),
        (
            {**HOSTS, 'job_name': 'worker', 'task': 2},
            {},
            '--task=2: must be below 2, the size',
        ),
        (
            {**HOSTS, 'job_name': 'worker', 'worker_replicas': 3},
            {},
            '--worker_replicas=3: --worker_hosts has 2',
        ),
        ({**HOSTS, 'job_name': 'ps', 'master': 'grpc://x:1'}, {}, '--master=grpc://x:1: with'),
        ({**HOSTS, 'job_name': 'ps', 'ps_hosts': 'a'}, {}, "--ps_hosts=a: 'a' must be host:port"),
        (
            {**HOSTS, 'job_name': 'ps', 'ps_hosts': 'b:1'},
            {},
            '--ps_hosts, --worker_hosts: two processes have the same address: b:1, b:1',
        ),
        ({}, tf_config({'ps': ['b:1'], 'worker': ['b:1']}), 'TF_CONFIG: two processes have the'),
        ({'worker_replicas': 2}, {}, '--worker_replicas=2: --num_ps_tasks must be at least 1'),
        ({'num_ps_tasks': 1}, {}, '--num_ps_tasks=1: pass --ps_hosts'),
        ({'task': 1}, {}, '--task=1: must be below --worker_replicas=1'),
        ({}, {'TF_CONFIG': 'cluster'}, 'TF_CONFIG: is not a valid cluster'),
        ({}, {'TF_CONFIG': '[]'}, 'TF_CONFIG: is not a valid cluster'),
        ({}, tf_config(CLUSTER, 'evaluator'), 'TF_CONFIG: an evaluator does not train'),
        ({}, tf_config(CLUSTER, 'tpu'), "TF_CONFIG: unknown task type 'tpu'"),
        ({}, tf_config({'worker': ['b:1', 'c:1']}), 'TF_CONFIG: several workers need a parameter'),
        ({}, tf_config(CLUSTER, 'worker', 2), 'TF_CONFIG: task index=2: must be below 2'),
    ],
)
def test_an_invalid_role_is_an_error_of_one_line(given, environment, message):
    with pytest.raises(UserError) as caught:
        cluster.resolve(ClusterOptions(**given), environment)
    assert str(caught.value).startswith(message)
    assert '\n' not in str(caught.value)


def test_a_session_waits_only_for_the_parameter_servers():
    config = cluster.session_config(member('worker', 1), gpu_allow_growth=False)
    assert list(config.device_filters) == ['/job:ps', '/job:worker/task:1']
    assert config.allow_soft_placement
    assert not config.gpu_options.allow_growth
    assert not cluster.session_config(Place()).device_filters
    assert cluster.session_config(Place()).gpu_options.allow_growth


def test_a_role_sets_the_placement_of_clones_and_variables():
    config = member('worker', 1).deployment_config(num_clones=2, clone_on_cpu=True)
    assert (config.replica_id, config.num_replicas, config.num_ps_tasks) == (1, 2, 1)
    assert (config.num_clones, config.clone_on_cpu) == (2, True)
    assert member('worker', 0).is_chief
    assert not member('ps', 0).is_chief
    assert member('worker', 1).address == 'c:1'


def test_without_a_cluster_there_is_no_server():
    with cluster.joined(Place()) as target:
        assert target == ''


def test_the_error_names_a_port_in_use():
    with socket.socket() as taken:
        taken.bind(('', 0))
        taken.listen()
        address = f'localhost:{taken.getsockname()[1]}'
        place = Place('ps', 0, 1, 1, '', (address,), ('localhost:1',))
        with pytest.raises(UserError, match=f'^{address}: cannot listen there'):
            cluster.start_server(place)


# For three workers: (second, workers that have finished, workers whose ports are open).
@pytest.mark.parametrize(
    ('events', 'over'),
    [
        ([(0, [], [0, 1, 2])], False),
        ([(0, [0, 1, 2], [])], True),
        ([(0, [1, 2], [0])], False),
        ([(0, [1, 1, 2, 2], [0])], False),
        ([(0, [0], [0, 1, 2]), (30, [], [1])], False),
        ([(0, [0], [0, 1, 2]), (30, [1, 2], [])], True),
        ([(0, [0], [1, 2]), (61, [], [1, 2])], True),
        ([(0, [0, 1], [2]), (4, [], [])], False),
        ([(0, [0, 1], [2]), (6, [], [])], True),
        ([(0, [0, 1], []), (6, [], [])], True),
        ([(0, [], [0, 1, 2]), (599, [], [])], False),
        ([(900, [], [])], False),
    ],
)
def test_a_parameter_server_exits_when_no_worker_needs_it(events, over):
    tracker = WorkerTracker(['b:1', 'c:1', 'd:1'])
    for now, finished, reachable in events:
        for task in finished:
            tracker.mark_finished(task, now)
        tracker.mark_reachable(reachable, now)
    assert tracker.is_over(now) == over


def test_a_parameter_server_fails_when_all_workers_are_lost():
    tracker = WorkerTracker(['b:1', 'c:1'])
    tracker.mark_reachable([0, 1], 0)
    with pytest.raises(UserError, match='no worker has answered for 600 seconds'):
        tracker.is_over(601)


def test_a_worker_notices_a_lost_server():
    up = {'a:1', 'b:1'}
    watch = ServerWatch(['a:1', 'b:1', 'late:1'], reachable=lambda address: address in up)
    assert watch.lost(0) == []
    up.remove('b:1')
    assert watch.lost(119) == []
    assert watch.lost(121) == ['b:1']
    up.add('b:1')
    assert watch.lost(122) == []


@pytest.mark.parametrize('sync', [0, 1])
def test_a_server_and_two_workers_count_together_and_end(tmp_path, sync):
    server, *workers = free_addresses(3)
    ended = set()

    def run(job, task):
        arguments = (job, task, server, ','.join(workers), str(tmp_path), 12, sync)
        cluster_member.run(*arguments)
        ended.add((job, task))

    members = [('ps', 0), ('worker', 0), ('worker', 1)]
    threads = [threading.Thread(target=run, args=member, daemon=True) for member in members]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert ended == set(members)
    checkpoint = tf.train.latest_checkpoint(tmp_path)
    reader = tf.train.NewCheckpointReader(checkpoint)
    assert reader.get_tensor('total') == reader.get_tensor('global_step') >= 12


def start(job, task, server, workers, directory):
    program = ROOT / 'tests' / 'support' / 'shell' / 'cluster_member.py'
    arguments = [job, task, server, ','.join(workers), directory, 1000, 0]
    return subprocess.Popen(
        [sys.executable, program, *map(str, arguments)],
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.soak
@pytest.mark.parametrize('victim', [('ps', 0), ('worker', 0), ('worker', 1)])
def test_a_killed_process_comes_back_and_all_end(tmp_path, victim):
    server, *workers = free_addresses(3)
    members = [('ps', 0), ('worker', 0), ('worker', 1)]
    running = {member: start(*member, server, workers, tmp_path) for member in members}
    try:
        while not (tmp_path / 'checkpoint').exists():
            assert running['worker', 0].poll() is None
        running[victim].kill()
        running[victim].wait()
        running[victim] = start(*victim, server, workers, tmp_path)
        assert [running[member].wait(timeout=180) for member in members] == [0, 0, 0]
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    assert int(tf.train.latest_checkpoint(tmp_path).rpartition('-')[2]) >= 1000
