"""Options or TF_CONFIG to a place in a cluster; parameter servers that end with the training."""

import json
import os
import socket
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
import tensorflow.compat.v1 as tf

from common.errors import UserError
from deployment import cluster
from deployment.liveness import Attendance, ServerWatch
from deployment.cluster import Place
from support.checkout import ROOT
from support.network.addresses import free_addresses
from support.shell import cluster_member

UNTYPED = {
    'master': '',
    'job_name': None,
    'task': None,
    'worker_replicas': None,
    'num_ps_tasks': None,
    'ps_hosts': None,
    'worker_hosts': None,
}
PS, WORKERS = 'a:1', 'b:1,c:1'
CLUSTER = {'ps': ['a:1'], 'worker': ['b:1', 'c:1']}
CHIEF_CLUSTER = {'ps': ['a:1'], 'chief': ['b:1'], 'worker': ['c:1']}


def options(**typed):
    return SimpleNamespace(**{**UNTYPED, **typed})


def tf_config(jobs, kind='worker', index=0):
    return {'TF_CONFIG': json.dumps({'cluster': jobs, 'task': {'type': kind, 'index': index}})}


def member(job, task):
    return Place(job, task, 2, 1, '', ('a:1',), ('b:1', 'c:1'))


@pytest.mark.parametrize(
    ('typed', 'environment', 'place'),
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
def test_a_process_finds_its_place(typed, environment, place):
    assert cluster.resolve(options(**typed), environment) == place


HOSTS = {'ps_hosts': PS, 'worker_hosts': WORKERS}


@pytest.mark.parametrize(
    ('typed', 'environment', 'message'),
    [
        (HOSTS, {}, '--job_name is missing: ps or worker'),
        ({'job_name': 'ps', 'ps_hosts': PS}, {}, '--worker_hosts is missing'),
        ({**HOSTS, 'job_name': 'wroker'}, {}, "--job_name=wroker: unknown job 'wroker'; known"),
        ({**HOSTS, 'job_name': 'worker', 'task': 2}, {}, '--task=2: there are 2 of job worker'),
        (
            {**HOSTS, 'job_name': 'worker', 'worker_replicas': 3},
            {},
            '--worker_replicas=3: --worker_hosts names 2',
        ),
        ({**HOSTS, 'job_name': 'ps', 'master': 'grpc://x:1'}, {}, '--master=grpc://x:1: with'),
        ({**HOSTS, 'job_name': 'ps', 'ps_hosts': 'a'}, {}, "--ps_hosts=a: 'a' has to be host:port"),
        (
            {**HOSTS, 'job_name': 'ps', 'ps_hosts': 'b:1'},
            {},
            '--ps_hosts, --worker_hosts: two processes have one address: b:1, b:1',
        ),
        ({}, tf_config({'ps': ['b:1'], 'worker': ['b:1']}), 'TF_CONFIG: two processes have one'),
        ({'worker_replicas': 2}, {}, '--worker_replicas=2: needs --num_ps_tasks of at least 1'),
        ({'num_ps_tasks': 1}, {}, '--num_ps_tasks=1: pass --ps_hosts'),
        ({'task': 1}, {}, '--task=1: has to be below --worker_replicas=1'),
        ({}, {'TF_CONFIG': 'cluster'}, 'TF_CONFIG: not a cluster'),
        ({}, {'TF_CONFIG': '[]'}, 'TF_CONFIG: not a cluster'),
        ({}, tf_config(CLUSTER, 'evaluator'), 'TF_CONFIG: an evaluator does not train'),
        ({}, tf_config(CLUSTER, 'tpu'), "TF_CONFIG: unknown task type 'tpu'"),
        ({}, tf_config({'worker': ['b:1', 'c:1']}), 'TF_CONFIG: several workers need a parameter'),
        ({}, tf_config(CLUSTER, 'worker', 2), 'TF_CONFIG: task index=2: there are 2'),
    ],
)
def test_a_place_that_cannot_be_is_one_clear_line(typed, environment, message):
    with pytest.raises(UserError) as caught:
        cluster.resolve(options(**typed), environment)
    assert str(caught.value).startswith(message)
    assert '\n' not in str(caught.value)


def test_a_session_waits_for_nobody_but_the_parameter_servers():
    config = cluster.session_config(member('worker', 1), gpu_allow_growth=False)
    assert list(config.device_filters) == ['/job:ps', '/job:worker/task:1']
    assert config.allow_soft_placement
    assert not config.gpu_options.allow_growth
    assert not cluster.session_config(Place()).device_filters
    assert cluster.session_config(Place()).gpu_options.allow_growth


def test_a_place_says_where_clones_and_variables_go():
    config = member('worker', 1).deployment_config(num_clones=2, clone_on_cpu=True)
    assert (config.replica_id, config.num_replicas, config.num_ps_tasks) == (1, 2, 1)
    assert (config.num_clones, config.clone_on_cpu) == (2, True)
    assert member('worker', 0).is_chief
    assert not member('ps', 0).is_chief
    assert member('worker', 1).address == 'c:1'


def test_alone_there_is_no_server():
    with cluster.joined(Place()) as target:
        assert target == ''


def test_a_taken_port_is_named():
    with socket.socket() as taken:
        taken.bind(('', 0))
        taken.listen()
        address = f'localhost:{taken.getsockname()[1]}'
        place = Place('ps', 0, 1, 1, '', (address,), ('localhost:1',))
        with pytest.raises(UserError, match=f'^{address}: no server can listen there'):
            cluster.start_server(place)


# What a server of three workers hears (+n) and which ports it sees open, by second.
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
def test_a_parameter_server_ends_when_nobody_needs_it(events, over):
    attendance = Attendance(['b:1', 'c:1', 'd:1'])
    for now, finished, reachable in events:
        for task in finished:
            attendance.report(task, now)
        attendance.see(reachable, now)
    assert attendance.is_over(now) == over


def test_a_parameter_server_that_everyone_left_says_so():
    attendance = Attendance(['b:1', 'c:1'])
    attendance.see([0, 1], 0)
    with pytest.raises(UserError, match='no worker has answered for 600 seconds'):
        attendance.is_over(601)


def test_a_worker_notices_a_server_that_stays_away():
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
