"""Clones share variables and average gradients; devices are those that TF-Slim chose."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim

from deployment import model_deploy
from deployment.model_deploy import DeploymentConfig

PICTURES = np.random.RandomState(0).rand(8, 6, 6, 3).astype(np.float32)
LABELS = np.arange(8) % 3


def canonical(device):
    return tf.DeviceSpec.from_string(device).to_string()


def classifier(batches, batch_norm=False):
    """Build a small network; each call takes the next batch, as a queue or iterator would give."""
    images, labels = next(batches)
    with slim.arg_scope([slim.conv2d], weights_regularizer=slim.l2_regularizer(0.01)):
        net = slim.conv2d(images, 4, 3, scope='conv')
    if batch_norm:
        mean = slim.model_variable('mean', [4], initializer=tf.zeros_initializer(), trainable=False)
        tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, mean.assign_add(tf.ones([4])))
    logits = slim.fully_connected(tf.reshape(net, [-1, 144]), 3, activation_fn=None, scope='logits')
    tf.losses.sparse_softmax_cross_entropy(labels, logits)
    return logits


def batches(count):
    """Cut the eight examples into `count` batches."""
    return zip(np.split(PICTURES, count), np.split(LABELS, count), strict=True)


class TwoProcessors(DeploymentConfig):
    """Stand in for two GPUs: each clone on a logical CPU of its own."""

    def clone_device(self, clone_index):
        return f'/device:CPU:{clone_index}'


@pytest.mark.parametrize(
    ('arguments', 'devices'),
    [
        ({}, ('/device:GPU:0', '', '/device:CPU:0')),
        ({'clone_on_cpu': True}, ('/device:CPU:0', '', '/device:CPU:0')),
        ({'num_clones': 2}, ('/device:GPU:0', 'clone_0', '/device:CPU:0')),
        (
            {'num_ps_tasks': 1},
            ('/job:worker/device:GPU:0', '', '/job:worker/device:CPU:0'),
        ),
        (
            {'num_clones': 2, 'num_ps_tasks': 1, 'worker_job_name': 'trainer'},
            ('/job:trainer/device:GPU:0', 'clone_0', '/job:trainer/device:CPU:0'),
        ),
        (
            {'num_replicas': 2, 'replica_id': 1, 'num_ps_tasks': 2, 'clone_on_cpu': True},
            ('/job:worker/device:CPU:0', '', '/job:worker/device:CPU:0'),
        ),
    ],
)
def test_devices_are_those_of_the_original(arguments, devices):
    config = DeploymentConfig(**arguments)
    clone_device, scope, host = devices
    assert canonical(config.clone_device(0)) == canonical(clone_device)
    assert config.clone_scope(0) == scope
    assert canonical(config.optimizer_device()) == canonical(host)
    assert canonical(config.inputs_device()) == canonical(host)
    if not config.num_ps_tasks:
        assert config.variables_device() == '/device:CPU:0'
        assert config.caching_device() is None
        assert (config.ps_device, config.worker_device) == ('', '')


def test_the_second_clone_has_its_own_device_and_scope():
    config = DeploymentConfig(num_clones=2)
    assert canonical(config.clone_device(1)) == canonical('/device:GPU:1')
    assert config.clone_scope(1) == 'clone_1'
    with pytest.raises(ValueError, match='clone_index=2 must be less than 2'):
        config.clone_device(2)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'num_replicas': 2}, 'num_replicas=2 needs num_ps_tasks of at least 1'),
        ({'num_replicas': 2, 'num_ps_tasks': 1, 'replica_id': 2}, 'must be less than 2'),
        ({'num_ps_tasks': 1, 'ps_job_name': ''}, 'ps_job_name are needed'),
    ],
)
def test_a_config_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        DeploymentConfig(**arguments)


def test_variables_are_dealt_out_over_parameter_servers_in_turn():
    config = DeploymentConfig(num_ps_tasks=2)
    with tf.Graph().as_default(), tf.device(config.variables_device()):
        first, second = slim.variable('first', []), slim.variable('second', [])
        nothing = tf.no_op()
        third = slim.variable('third', [], caching_device=config.caching_device())
        written = first.assign(1.0)
    for variable, task in ((first, 0), (second, 1), (third, 0)):
        assert canonical(variable.device) == canonical(f'/job:ps/task:{task}/device:CPU:0')
    assert canonical(written.op.device) == canonical(first.device)
    assert nothing.device == ''


def test_clones_of_a_cluster_compute_on_the_worker_beside_variables_on_servers():
    config = DeploymentConfig(num_clones=2, num_replicas=2, num_ps_tasks=2)
    with tf.Graph().as_default():
        clones = model_deploy.create_clones(config, classifier, [batches(2)])
        tasks = {variable.op.name: variable.device for variable in tf.global_variables()}
    assert sorted(map(canonical, tasks.values())) == sorted(
        canonical(f'/job:ps/task:{task}/device:CPU:0') for task in (0, 1, 0, 1)
    )
    for index, clone in enumerate(clones):
        wanted = canonical(f'/job:worker/device:GPU:{index}')
        assert canonical(clone.outputs.device) == canonical(clone.device) == wanted
        assert clone.scope == f'clone_{index}/'


def test_an_inner_device_is_completed_and_not_overruled():
    def model():
        with tf.device('/device:CPU:0'):
            return tf.constant(1.0)

    with tf.Graph().as_default():
        config = DeploymentConfig(num_ps_tasks=1)
        [clone] = model_deploy.create_clones(config, model)
    assert canonical(clone.outputs.device) == canonical('/job:worker/device:CPU:0')


def gradients_and_loss(config, count, session_config):
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        clones = model_deploy.create_clones(config, classifier, [batches(count)])
        optimizer = tf.train.GradientDescentOptimizer(0.1)
        total_loss, pairs = model_deploy.optimize_clones(clones, optimizer)
        names = [variable.op.name for _, variable in pairs]
        with tf.Session(config=session_config) as session:
            session.run(tf.global_variables_initializer())
            # The seed of an initializer depends on how many operations came before it.
            for number, variable in enumerate(tf.global_variables()):
                value = np.random.RandomState(number).normal(size=variable.shape.as_list())
                variable.load(value, session)
            values = session.run([gradient for gradient, _ in pairs])
            return session.run(total_loss), dict(zip(names, values, strict=True))


def test_two_clones_give_the_gradient_of_one_double_batch():
    hard = tf.ConfigProto(device_count={'CPU': 2}, allow_soft_placement=False)
    soft = tf.ConfigProto(allow_soft_placement=True)
    alone, expected = gradients_and_loss(DeploymentConfig(clone_on_cpu=True), 1, hard)
    for config, session in (
        (TwoProcessors(num_clones=2), hard),
        (DeploymentConfig(num_clones=2, clone_on_cpu=True), hard),
        (DeploymentConfig(num_clones=2), soft),
    ):
        loss, found = gradients_and_loss(config, 2, session)
        assert loss == pytest.approx(alone, abs=1e-6)
        assert found.keys() == expected.keys()
        for name, gradient in expected.items():
            np.testing.assert_allclose(found[name], gradient, rtol=0, atol=1e-6, err_msg=name)


def test_a_clone_runs_on_its_own_processor():
    with tf.Graph().as_default():
        config = TwoProcessors(num_clones=2)
        clones = model_deploy.create_clones(config, classifier, [batches(2)])
        options = tf.RunOptions(output_partition_graphs=True)
        metadata = tf.RunMetadata()
        with tf.Session(config=tf.ConfigProto(device_count={'CPU': 2})) as session:
            session.run(tf.global_variables_initializer())
            logits = [clone.outputs for clone in clones]
            session.run(logits, options=options, run_metadata=metadata)
    placed = {
        node.name: node.device[-1] for graph in metadata.partition_graphs for node in graph.node
    }
    assert placed['clone_0/logits/BiasAdd'] == '0'
    assert placed['clone_1/logits/BiasAdd'] == '1'
    assert placed['conv/weights'] == placed['logits/weights'] == '0'


def test_deploy_trains_updates_once_and_summarizes():
    with tf.Graph().as_default():
        deployed = model_deploy.deploy(
            TwoProcessors(num_clones=2),
            classifier,
            [batches(2)],
            {'batch_norm': True},
            optimizer=tf.train.GradientDescentOptimizer(0.1),
            summarize_gradients=True,
        )
        [mean] = [variable for variable in tf.global_variables() if variable.op.name == 'mean']
        with tf.Session(config=tf.ConfigProto(device_count={'CPU': 2})) as session:
            session.run(tf.global_variables_initializer())
            losses = [session.run(deployed.train_op) for _ in range(5)]
            assert session.run(tf.train.get_global_step()) == 5
            # Two clones made an update each; only the first one's counts.
            np.testing.assert_array_equal(session.run(mean), 5.0)
            summary = tf.Summary.FromString(session.run(deployed.summary_op))
    assert losses[-1] < losses[0]
    tags = {value.tag for value in summary.value}
    assert {'total_loss', 'clone_0/clone_loss', 'clone_0/regularization_loss'} <= tags
    assert 'clone_1/regularization_loss' not in tags
    assert 'conv/weights/gradient' in tags


def test_deploy_without_an_optimizer_gives_the_loss():
    with tf.Graph().as_default(), tf.Session() as session:
        config = DeploymentConfig(clone_on_cpu=True)
        deployed = model_deploy.deploy(config, classifier, [batches(1)])
        session.run(tf.global_variables_initializer())
        [data_loss] = tf.get_collection(tf.GraphKeys.LOSSES)
        penalty = tf.add_n(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES))
        total, parts = session.run((deployed.total_loss, data_loss + penalty))
        assert total == pytest.approx(parts)
    assert deployed.train_op is None
    assert len(deployed.clones) == 1


def test_a_model_without_losses_deploys_too():
    with tf.Graph().as_default():
        deployed = model_deploy.deploy(DeploymentConfig(), lambda: tf.constant(1.0))
    assert deployed.total_loss is deployed.train_op is deployed.summary_op is None


@pytest.mark.parametrize('optimizer', [None, tf.train.GradientDescentOptimizer(1.0)])
@pytest.mark.parametrize(
    ('config', 'host'),
    [
        (DeploymentConfig(num_clones=2), '/device:CPU:0'),
        (DeploymentConfig(num_clones=2, num_ps_tasks=1), '/job:worker/device:CPU:0'),
    ],
)
def test_summaries_of_clones_on_gpus_are_made_on_the_cpu(config, host, optimizer):
    def model(shares):
        logits = classifier(shares)
        tf.summary.histogram('logits', logits)
        tf.summary.image('pictures', tf.zeros([1, 2, 2, 3]))
        return logits

    with tf.Graph().as_default():
        deployed = model_deploy.deploy(config, model, [batches(2)], optimizer=optimizer)
        summaries = list(deployed.summary_op.op.inputs)
    assert len(summaries) >= 5
    assert {canonical(summary.device) for summary in summaries} == {canonical(host)}
    assert canonical(deployed.clones[1].outputs.device) == canonical(config.clone_device(1))
