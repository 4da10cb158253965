"""Filling networks from checkpoints: variables by name, without building the networks."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from classifiers import restore
from common.errors import UserError
from support import reference
from support.files import checkpoint_files

CONVOLUTION = 'InceptionV4/Conv2d_1a_3x3/weights'
BODY = {
    CONVOLUTION: (3, 3, 3, 8),
    'InceptionV4/Conv2d_1a_3x3/BatchNorm/moving_mean': (8,),
}
AUXILIARY_BODY = {'InceptionV4/AuxLogits/Conv2d_1b_1x1/weights': (1, 1, 8, 4)}
AVERAGE = '/ExponentialMovingAverage'


def network(classes, body=BODY):
    return {
        **body,
        **AUXILIARY_BODY,
        'InceptionV4/AuxLogits/Aux_logits/weights': (4, classes),
        'InceptionV4/AuxLogits/Aux_logits/biases': (classes,),
        'InceptionV4/Logits/Logits/weights': (8, classes),
        'InceptionV4/Logits/Logits/biases': (classes,),
    }


HEADS = network(1).keys() - BODY.keys() - AUXILIARY_BODY.keys()


def without(shapes, *parts):
    return {name: shape for name, shape in shapes.items() if not any(p in name for p in parts)}


@pytest.fixture(params=[True, False], ids=['resource', 'reference'])
def make(request):
    """Return a function that creates variables of the given shapes."""

    def create(shapes):
        with tf.variable_scope(tf.get_variable_scope(), use_resource=request.param):
            return [
                tf.get_variable(name, shape, trainable='moving_' not in name)
                for name, shape in shapes.items()
            ]

    with tf.Graph().as_default():
        yield create


def save(tmp_path, shapes, seed=0, **options):
    values = checkpoint_files.random_values(shapes, seed)
    return checkpoint_files.write(tmp_path, values, **options), values


def run(plan, initialize=False):
    """Return {name: value} of all variables after initializing and restoring."""
    init = plan.init_fn(initialize)
    with tf.Session() as session:
        if not initialize:
            session.run(tf.global_variables_initializer())
        init(None, session)
        return session.run({v.op.name: v for v in tf.global_variables()})


def warm_start(path, variables, **options):
    return restore.warm_start(path, 'inception_v4', variables, **options)


def refusal(call, *arguments, **options):
    with pytest.raises(UserError) as error:
        call(*arguments, **options)
    assert '\n' not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize('v1', [True, False])
def test_all_that_fits_is_filled(tmp_path, make, v1):
    path, values = save(tmp_path, {**network(5), 'unused/Momentum': (2,)}, v1=v1)
    plan = warm_start(path, make(network(5)))
    found = run(plan)
    assert all((found[name] == values[name]).all() for name in network(5))
    assert plan.left_out == {}
    assert plan.lines()[0] == '7 of 7 variables come from the checkpoint'


def test_another_number_of_classes_leaves_both_heads_out_by_itself(tmp_path, make):
    path, values = save(tmp_path, network(1001))
    variables = make(network(5))
    plan = warm_start(path, variables)
    assert plan.left_out.keys() == HEADS
    found = run(plan)
    assert all((found[name] == values[name]).all() for name in {**BODY, **AUXILIARY_BODY})
    heads = [v for v in variables if v.op.name in HEADS]
    first, left_out, trained = plan.lines(trainable=heads)
    assert first == '3 of 7 variables come from the checkpoint'
    assert '1001 classes in the checkpoint, 5 here' in left_out
    assert all(name in left_out and name in trained for name in HEADS)
    assert 'NOT TRAINED' in plan.lines(trainable=heads[:1])[-1]


@pytest.mark.parametrize(('there', 'here'), [(1000, 1001), (1001, 1000)])
def test_the_background_class_is_never_a_reason_to_leave_heads_out(tmp_path, make, there, here):
    path, _ = save(tmp_path, network(there))
    variables = make(network(here))
    for plan in (warm_start, lambda *a: restore.inference(a[0], 'inception_v4', a[1])):
        message = refusal(plan, path, variables)
        assert '--labels_offset=1' in message
        assert f'{there} classes in the checkpoint and {here}' in message
    excluded = ['InceptionV4/Logits', 'InceptionV4/AuxLogits/Aux_logits']
    assert warm_start(path, variables, exclude_scopes=excluded).left_out.keys() == HEADS


@pytest.mark.parametrize(
    ('there', 'here', 'words'),
    [
        ((3, 3, 1, 8), (3, 3, 3, 8), ['3x3x1x8', '3x3x3x8', '--use_grayscale']),
        ((3, 3, 3, 4), (3, 3, 3, 8), ['--model_name', '--checkpoint_exclude_scopes=']),
        ((5, 5, 3, 8), (3, 3, 3, 8), ['--train_image_size']),
        ((20, 8), (30, 8), ['20x8', '30x8', '--train_image_size']),
        ((8,), (3, 3, 3, 8), ['--model_name']),
    ],
)
def test_any_other_mismatch_names_variable_shapes_and_flag(tmp_path, make, there, here, words):
    name = CONVOLUTION
    path, _ = save(tmp_path, {**network(5), name: there})
    variables = make({**network(5), name: here})
    for ignore_missing in (True, False):
        message = refusal(warm_start, path, variables, ignore_missing=ignore_missing)
        assert all(word in message for word in [name, *words])
    excluded = warm_start(path, variables, exclude_scopes=[name])
    assert excluded.left_out == {name: '--checkpoint_exclude_scopes'}


@pytest.mark.parametrize(
    ('there', 'words'),
    [
        ({**network(5), CONVOLUTION: (3, 3, 3, 4)}, 'pass the right --model_name'),
        ({**network(5), CONVOLUTION: (5, 5, 3, 8)}, '--image_size or --eval_image_size'),
        (without(network(5), 'moving_mean'), 'pass the --model_name of the checkpoint'),
        (network(1000), 'pass --labels_offset=1'),
    ],
)
def test_what_only_training_can_do_is_not_advised_for_use(tmp_path, make, there, words):
    path, _ = save(tmp_path, there)
    variables = make(network(1001 if there == network(1000) else 5))
    message = refusal(lambda *a: restore.inference(a[0], 'inception_v4', a[1]), path, variables)
    assert words in message
    for flag in ('--checkpoint_exclude_scopes', '--ignore_missing_vars', '--train_image_size'):
        assert flag not in message


def test_another_type_is_a_mismatch(tmp_path, make):
    values = {name: np.zeros(shape, np.float64) for name, shape in network(5).items()}
    path = checkpoint_files.write(tmp_path, values)
    message = refusal(warm_start, path, make(network(5)))
    assert 'float64' in message
    assert 'float32' in message


@pytest.mark.parametrize('ignore_missing', [True, False])
def test_a_body_left_empty_is_an_error_whatever_is_ignored(tmp_path, make, ignore_missing):
    path, _ = save(tmp_path, without(network(5), 'moving_mean'))
    message = refusal(warm_start, path, make(network(5)), ignore_missing=ignore_missing)
    assert 'moving_mean' in message
    assert '--ignore_missing_vars accepts only a missing head' in message


@pytest.mark.parametrize('missing', ['/Logits/', 'Aux_logits', 'Logits'])
def test_missing_heads_are_forgiven_on_request(tmp_path, make, missing):
    path, _ = save(tmp_path, without(network(5), missing))
    variables = make(network(5))
    assert '--ignore_missing_vars=True' in refusal(warm_start, path, variables)
    plan = warm_start(path, variables, ignore_missing=True)
    assert set(plan.left_out) == {name for name in network(5) if missing in name}


@pytest.mark.parametrize('ignore_missing', [True, False])
def test_weights_of_other_programs_need_no_auxiliary_head(tmp_path, make, ignore_missing):
    path, _ = save(tmp_path, without(network(1000), 'AuxLogits'))
    plan = warm_start(path, make(network(5)), ignore_missing=ignore_missing)
    reasons = {name: why for name, why in plan.left_out.items() if 'AuxLogits' in name}
    assert reasons.keys() == {name for name in network(5) if 'AuxLogits' in name}
    assert set(reasons.values()) == {'the checkpoint has no auxiliary head'}


def test_a_checkpoint_that_fills_nothing_says_whose_it_is(tmp_path, make):
    variables = make(network(5))
    path, _ = save(tmp_path / 'a', {'resnet_v1_50/conv1/weights': (7, 7, 3, 64)})
    message = refusal(warm_start, path, variables, ignore_missing=True)
    assert '--model_name=resnet_v1_50' in message
    path, _ = save(tmp_path / 'b', {'module/weights': (2,)})
    assert 'it has module' in refusal(warm_start, path, variables)
    path, _ = save(tmp_path / 'c', network(5))
    message = refusal(warm_start, path, variables, exclude_scopes=['InceptionV4'])
    assert '--checkpoint_exclude_scopes=InceptionV4 leaves nothing' in message


@pytest.mark.parametrize('name', ['nasnet_mobile', 'pnasnet_large'])
def test_a_checkpoint_of_a_network_of_cells_says_which(tmp_path, make, name):
    held = dict.fromkeys(reference.facts(name)['model_variables'], (2,))
    path, _ = save(tmp_path, held)
    message = refusal(warm_start, path, make(network(5)), ignore_missing=True)
    assert message.endswith(f'pass --model_name={name}')


def test_the_older_packages_names_are_recognised(tmp_path, make):
    shapes = {'conv0/weights': (3, 3, 3, 32), 'logits/logits/weights': (2048, 1001)}
    path, _ = save(tmp_path, shapes, name='model.ckpt', step=157585)
    for call in (warm_start, lambda *a: restore.inference(a[0], 'inception_v4', a[1])):
        message = refusal(call, path, make(network(5)) if call is warm_start else [])
        assert 'conv0/weights' in message
        assert 'import_weights.py makes a checkpoint of inception_v3' in message


def test_a_misspelt_excluded_scope_lists_the_nearest(tmp_path, make):
    path, _ = save(tmp_path, network(5))
    message = refusal(warm_start, path, make(network(5)), exclude_scopes=['InceptionV3/Logits'])
    assert 'InceptionV4/Logits' in message


def test_averages_start_at_their_variables_and_frozen_ones_stay(tmp_path, make):
    path, values = save(tmp_path, network(5))
    variables = make(network(5))
    averages = tf.train.ExponentialMovingAverage(0.9, tf.train.get_or_create_global_step())
    update = averages.apply(variables)
    plan = warm_start(path, variables, averages=restore.shadows(averages, variables))
    found = run(plan)
    for name in network(5):
        assert (found[name + AVERAGE] == values[name]).all()
    init = plan.init_fn()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        init(None, session)
        before = session.run([shadow for shadow, _ in plan.averages])
        session.run(update)
        after = session.run([shadow for shadow, _ in plan.averages])
    assert all((a == b).all() for a, b in zip(before, after, strict=True))


def test_a_warm_start_takes_averages_where_there_are_some(tmp_path, make):
    name = 'InceptionV4/Conv2d_1a_3x3/weights'
    path, values = save(tmp_path, {**network(5), name + AVERAGE: (3, 3, 3, 8)})
    variables = make(network(5))
    plan = warm_start(path, variables, use_averages=True)
    assert (run(plan)[name] == values[name + AVERAGE]).all()
    assert '1 of them as moving averages' in plan.lines()[0]
    assert (run(warm_start(path, variables))[name] == values[name]).all()


def test_a_run_of_tf_slim_on_tensorflow_1_goes_on(tmp_path):
    """Its names: slots `RMSProp` and `RMSProp_1`, averages, the step; and no model.json."""
    weights = 'InceptionV4/Conv2d_1a_3x3/weights'
    slots = {f'{weights}/{slot}': BODY[weights] for slot in ('RMSProp', 'RMSProp_1')}
    shapes = {**network(5), **slots, **{name + AVERAGE: s for name, s in network(5).items()}}
    values = {**checkpoint_files.random_values(shapes), 'global_step': np.int64(11028)}
    path = checkpoint_files.write(tmp_path, values, step=11028)
    with tf.Graph().as_default():
        step = tf.train.get_or_create_global_step()
        variables = [tf.get_variable(n, s, trainable=n == weights) for n, s in network(5).items()]
        trained = tf.train.RMSPropOptimizer(0.01, momentum=0.9).minimize(
            tf.reduce_sum(variables[0]), step
        )
        averages = tf.train.ExponentialMovingAverage(0.9999, step)
        with tf.control_dependencies([trained]):
            averages.apply(variables)
        every = tf.global_variables()
        plan = restore.resume(path, every, variables, restore.shadows(averages, variables))
        assert plan.left_out == {}
        assert plan.averages == ()
        found = run(plan)
    assert found.keys() == values.keys()
    assert all((found[name] == values[name]).all() for name in values)


def test_what_an_option_adds_to_a_run_starts_anew(tmp_path, make):
    path, values = save(tmp_path, network(5))
    variables = make(network(5))
    averages = tf.train.ExponentialMovingAverage(0.9)
    averages.apply(variables)
    slot = make({'InceptionV4/Conv2d_1a_3x3/weights/Adam': (3, 3, 3, 8)})
    shadows = restore.shadows(averages, variables)
    plan = restore.resume(path, tf.global_variables(), variables, shadows)
    assert list(plan.left_out) == [slot[0].op.name]
    found = run(plan)
    assert all((found[name + AVERAGE] == values[name]).all() for name in network(5))


def test_another_network_or_other_classes_cannot_go_on(tmp_path, make):
    path, _ = save(tmp_path, network(5))
    variables = make(network(6))
    message = refusal(restore.resume, path, variables, variables)
    assert '--train_dir' in message
    other = make({'resnet_v1_50/logits/weights': (1, 1, 4, 5)})
    assert 'missing' in refusal(restore.resume, path, other, other)


def inference(path, variables, **options):
    return restore.inference(path, 'inception_v4', variables, **options)


def test_use_needs_the_head_but_not_the_auxiliary_one(tmp_path, make):
    path, values = save(tmp_path, without(network(5), 'AuxLogits'))
    plan = inference(path, make(network(5)))
    assert all('AuxLogits' in name for name in plan.left_out)
    found = run(plan, initialize=True)
    assert all((found[name] == values[name]).all() for name in values)

    headless, _ = save(tmp_path / 'b', without(network(5), '/Logits/'))
    assert 'InceptionV4/Logits/Logits' in refusal(inference, headless, tf.global_variables())


def test_use_never_leaves_out_a_head(tmp_path, make):
    path, _ = save(tmp_path, network(5))
    message = refusal(inference, path, make(network(7)))
    assert '5 classes in the checkpoint and 7' in message
    assert '--dataset_name' in message


def test_use_takes_averages_when_asked_and_says_when_not(tmp_path, make):
    shapes = {**network(5), **{name + AVERAGE: s for name, s in network(5).items()}}
    path, values = save(tmp_path, shapes)
    variables = make(network(5))
    found = run(inference(path, variables, use_averages=True), initialize=True)
    assert all((found[name] == values[name + AVERAGE]).all() for name in network(5))
    assert 'they are not used' in inference(path, variables).lines()[-1]
    plain, _ = save(tmp_path / 'plain', network(5))
    message = refusal(inference, plain, variables, use_averages=True)
    assert '--nouse_moving_averages' in message


def test_a_checkpoint_that_vanishes_is_an_error_of_its_own(tmp_path, make):
    path, _ = save(tmp_path, network(5))
    plan = inference(path, make(network(5)))
    init = plan.init_fn(initialize=True)
    for file in tmp_path.iterdir():
        file.unlink()
    with tf.Session() as session:
        with pytest.raises(restore.checkpoints.UnreadableCheckpointError):
            init(None, session)
