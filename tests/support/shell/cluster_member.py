"""A process of a small cluster: counts one variable up, as a training run would.

python cluster_member.py JOB TASK PS_HOSTS WORKER_HOSTS DIRECTORY STEPS SYNC
"""

import sys
from types import SimpleNamespace

import tensorflow.compat.v1 as tf

from deployment import cluster
from deployment.cluster_options import ClusterOptions
from training import optimizers


def options(job, task, ps_hosts, worker_hosts):
    return ClusterOptions(
        job_name=job, task=int(task), ps_hosts=ps_hosts, worker_hosts=worker_hosts
    )


def train(place, target, directory, steps, sync):
    """Step until the global step reaches `steps`."""
    config = place.deployment_config(clone_on_cpu=True)
    hooks = [tf.train.StopAtStepHook(last_step=steps)]
    with tf.Graph().as_default():
        with tf.device(config.variables_device()):
            global_step = tf.train.get_or_create_global_step()
            total = tf.get_variable('total', initializer=0.0)
        optimizer = tf.train.GradientDescentOptimizer(1.0)
        if sync:
            everyone = SimpleNamespace(sync_replicas=True, replicas_to_aggregate=-1)
            optimizer = optimizers.synchronised(optimizer, everyone, place.num_workers)
            hooks.append(optimizer.make_session_run_hook(place.is_chief))
        with tf.device(config.optimizer_device()):
            train_op = optimizer.apply_gradients([(tf.constant(-1.0), total)], global_step)
        with tf.train.MonitoredSession(
            session_creator(place, target, directory, hooks),
            hooks,
            stop_grace_period_secs=cluster.STOP_GRACE_PERIOD_SECS,
        ) as session:
            while not session.should_stop():
                session.run(train_op)


def session_creator(place, target, directory, hooks):
    config = cluster.session_config(place)
    if not place.is_chief:
        return cluster.worker_session_creator(tf.train.Scaffold(), target, config)
    scaffold = tf.train.Scaffold()
    hooks.append(tf.train.CheckpointSaverHook(directory, save_steps=5, scaffold=scaffold))
    return tf.train.ChiefSessionCreator(scaffold, target, config, checkpoint_dir=directory)


def run(job, task, ps_hosts, worker_hosts, directory, steps, sync):
    place = cluster.resolve(options(job, task, ps_hosts, worker_hosts), {})
    if place.is_parameter_server:
        cluster.serve(place, cluster.start_server(place))
        return
    with cluster.joined(place) as target:
        train(place, target, directory, int(steps), bool(int(sync)))


if __name__ == '__main__':
    run(*sys.argv[1:])
