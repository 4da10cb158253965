"""Training on several machines: the role of this process, its server and its sessions.

    place = resolve(options)
    if place.is_parameter_server:
        serve(place, start_server(place))   # returns when training has ended
    else:
        with joined(place) as target:       # '' when this process is alone
            ...                             # train in a session of `target`

TensorFlow's servers have no authentication: anyone who can connect to the port of a server can run
any code on its machine. Use them only on a private network.
"""

import contextlib
import dataclasses
import json
import os
from collections.abc import Mapping

import tensorflow.compat.v1 as tf

from common import checks
from common.errors import UserError
from deployment import liveness
from deployment.cluster_options import JOBS, ClusterOptions
from deployment.model_deploy import DeploymentConfig

# Seconds that a session waits for a synchronous chief's queue threads, which never end.
STOP_GRACE_PERIOD_SECS = 2
# Seconds between checks whether the chief has initialized the variables (TensorFlow's default: 30).
RECOVERY_WAIT_SECS = 1
_LOCAL_MASTERS = ('', 'local')
# Names of the job that TF_CONFIG may have for worker 0.
_CHIEF_JOBS = ('chief', 'master')


@dataclasses.dataclass(frozen=True)
class Place:
    """The role of this process in a cluster; the defaults mean that there is no cluster."""

    job_name: str = 'worker'
    task: int = 0
    num_workers: int = 1
    num_ps_tasks: int = 0
    # A server that is already running. If empty, this process starts its own server in a cluster.
    master: str = ''
    ps_hosts: tuple = ()
    worker_hosts: tuple = ()

    @property
    def is_parameter_server(self):
        """Return whether this process only stores variables."""
        return self.job_name == 'ps'

    @property
    def is_chief(self):
        """Return whether this process initializes, saves and restores the variables."""
        return self.job_name == 'worker' and self.task == 0

    @property
    def is_distributed(self):
        """Return whether the training has other processes."""
        return self.num_ps_tasks > 0

    @property
    def address(self):
        """Return the host:port of this process, or '' if it runs no server."""
        hosts = self.ps_hosts if self.is_parameter_server else self.worker_hosts
        return hosts[self.task] if hosts else ''

    def deployment_config(self, num_clones=1, clone_on_cpu=False):
        """Return the placement of the clones and variables of this process."""
        return DeploymentConfig(
            num_clones,
            clone_on_cpu,
            replica_id=self.task,
            num_replicas=self.num_workers,
            num_ps_tasks=self.num_ps_tasks,
        )


def resolve(options: ClusterOptions, environment: Mapping[str, str] = os.environ) -> Place:
    """Return the role of this process, from `options` or otherwise from TF_CONFIG."""
    if options.ps_hosts or options.worker_hosts or options.job_name:
        return _from_hosts(options)
    if options.master in _LOCAL_MASTERS:
        place = _from_tf_config(environment.get('TF_CONFIG', ''))
        if place:
            return place
    return _from_master(options)


def _from_hosts(options):
    if options.master not in _LOCAL_MASTERS:
        raise UserError(
            f'--master={options.master}: with --ps_hosts and --worker_hosts each process runs its '
            'own server; pass one of the two'
        )
    hosts = {job: _addresses(f'{job}_hosts', getattr(options, f'{job}_hosts')) for job in JOBS}
    if options.job_name is None:
        raise UserError('--job_name is missing: pass ps or worker')
    for flag, job in (('worker_replicas', 'worker'), ('num_ps_tasks', 'ps')):
        given = getattr(options, flag)
        if given is not None and given != len(hosts[job]):
            raise options.mistake(flag, f'--{job}_hosts has {len(hosts[job])}')
    _require_distinct('--ps_hosts, --worker_hosts', hosts)
    return _in_cluster(options.job_name, options.task or 0, hosts, '--task')


def _addresses(flag, text):
    if not text:
        raise UserError(f'--{flag} is missing: pass a comma-separated list of host:port')
    addresses = tuple(address.strip() for address in text.split(','))
    for address in addresses:
        host, _, port = address.rpartition(':')
        if not (host and port.isdigit() and 0 < int(port) < 65536):
            raise UserError(f'--{flag}={text}: {address!r} must be host:port')
    return addresses


def _require_distinct(source, hosts):
    everyone = sorted((*hosts['ps'], *hosts['worker']))
    if len(set(everyone)) < len(everyone):
        raise UserError(f'{source}: two processes have the same address: {", ".join(everyone)}')


def _in_cluster(job, task, hosts, source):
    if not 0 <= task < len(hosts[job]):
        raise UserError(f'{source}={task}: must be below {len(hosts[job])}, the size of job {job}')
    return Place(
        job, task, len(hosts['worker']), len(hosts['ps']), '', hosts['ps'], hosts['worker']
    )


def _from_tf_config(text):
    """Return the role that TF_CONFIG describes, or None if it describes no cluster."""
    try:
        config = json.loads(text or '{}')
        jobs = config.get('cluster', {})
        task = config.get('task', {})
        job, number = task.get('type', 'worker'), int(task.get('index', 0))
        chiefs = [address for name in _CHIEF_JOBS for address in jobs.get(name, ())]
        hosts = {'ps': tuple(jobs.get('ps', ())), 'worker': (*chiefs, *jobs.get('worker', ()))}
    except (AttributeError, TypeError, ValueError) as error:
        raise UserError(f'TF_CONFIG: is not a valid cluster description ({error})') from None
    if job == 'evaluator':
        raise UserError('TF_CONFIG: an evaluator does not train; run eval_image_classifier.py')
    if not hosts['ps']:
        if len(hosts['worker']) > 1:
            raise UserError('TF_CONFIG: several workers need a parameter server (job ps)')
        return None
    # The chief becomes worker 0, so the numbers of the others increase.
    if job in _CHIEF_JOBS:
        job = 'worker'
    elif job == 'worker':
        number += len(chiefs)
    if job not in JOBS:
        raise UserError(f'TF_CONFIG: {checks.unknown("task type", job, (*JOBS, *_CHIEF_JOBS))}')
    _require_distinct('TF_CONFIG', hosts)
    return _in_cluster(job, number, hosts, 'TF_CONFIG: task index')


def _from_master(options):
    workers, servers = options.worker_replicas or 1, options.num_ps_tasks or 0
    task = options.task or 0
    if workers > 1 and not servers:
        raise UserError(f'--worker_replicas={workers}: --num_ps_tasks must be at least 1')
    if servers and options.master in _LOCAL_MASTERS:
        raise UserError(
            f'--num_ps_tasks={servers}: pass --ps_hosts, --worker_hosts and --job_name, or with '
            '--master the address of a running server'
        )
    if task >= workers:
        raise UserError(f'--task={task}: must be below --worker_replicas={workers}')
    master = '' if options.master in _LOCAL_MASTERS else options.master
    return Place('worker', task, workers, servers, master)


def session_config(place, gpu_allow_growth=True, log_device_placement=False):
    """Return the configuration of a session, which does not wait for other workers."""
    config = tf.ConfigProto(allow_soft_placement=True, log_device_placement=log_device_placement)
    config.gpu_options.allow_growth = gpu_allow_growth
    if place.is_distributed:
        # Without a filter, a session starts only when every worker answers, even dead ones.
        config.device_filters.extend(['/job:ps', f'/job:{place.job_name}/task:{place.task}'])
    return config


def start_server(place):
    """Start the server of this process, or return None if it needs none."""
    if not place.address:
        return None
    config = tf.ConfigProto()
    if place.is_parameter_server:
        config.device_count['GPU'] = 0
    spec = {'ps': list(place.ps_hosts), 'worker': list(place.worker_hosts)}
    tf.logging.warning(
        'The server at %s has no authentication: keep it on a private network', place.address
    )
    try:
        return tf.train.Server(
            tf.train.ClusterSpec(spec), place.job_name, place.task, config=config
        )
    except tf.errors.OpError as error:
        raise UserError(
            f'{place.address}: cannot listen there; check that the port is free and that the '
            f'address belongs to this machine ({error.message.splitlines()[0]})'
        ) from None


def serve(place, server):
    """Run the server of a parameter server until training has ended."""
    config = tf.ConfigProto(device_filters=[f'/job:ps/task:{place.task}'])
    liveness.wait_for_workers(place, server.target, config)


@contextlib.contextmanager
def joined(place):
    """Join the cluster during the block, and yield the target of the sessions.

    After the block, even after an error, report to the parameter servers that this worker has
    finished.
    """
    server = start_server(place)
    target = server.target if server else place.master
    with liveness.watched_servers(place):
        try:
            yield target
        finally:
            if place.is_distributed:
                liveness.report_finished(place, target, session_config(place))


def worker_session_creator(scaffold, target, config):
    """Return the session creator for MonitoredSession in a worker that is not the chief."""
    return _WorkerSessionCreator(scaffold, target, config)


class _WorkerSessionCreator(tf.train.SessionCreator):
    """Wait until the chief has initialized the variables."""

    def __init__(self, scaffold, target, config):
        self._scaffold = scaffold
        self._target = target
        self._config = config

    def create_session(self):
        manager = session_manager(self._scaffold)
        return manager.wait_for_session(self._target, config=self._config)


def session_manager(scaffold):
    """Finalize a scaffold, and return the session manager for it."""
    scaffold.finalize()
    return tf.train.SessionManager(
        local_init_op=scaffold.local_init_op,
        local_init_feed_dict=scaffold.local_init_feed_dict,
        ready_op=scaffold.ready_op,
        ready_for_local_init_op=scaffold.ready_for_local_init_op,
        graph=tf.get_default_graph(),
        recovery_wait_secs=RECOVERY_WAIT_SECS,
    )
