"""TensorFlow's own files become checkpoints of the networks here: checkpoints and frozen graphs."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from classifiers import model_info
from classifiers.checkpoints import AVERAGE_SUFFIX
from common.errors import UserError
from nets import model_specs
from serving.export import completion, freeze
from support import families, reference, weight_files
from support.files import checkpoint_files, small_models
from weights import importing
from weights.importing import Request
from weights.readers import graph_file, retrained_graphs
from weights.sources import Tensor


def do_import(source, directory, **options):
    return importing.import_file(source, directory, Request(**options))


def refused(source, directory, **options):
    with pytest.raises(UserError) as error:
        do_import(source, directory, **options)
    assert '\n' not in str(error.value)
    assert not directory.exists()
    return str(error.value)


def assert_holds(imported, variables):
    found = weight_files.read_checkpoint(imported.path)
    assert found.keys() == variables.keys()
    for name, value in variables.items():
        np.testing.assert_array_equal(found[name], value)


def lenet(classes=7):
    return weight_files.random_variables('lenet', classes)


def of_training(variables):
    """Return what a training with averages stores besides its variables."""
    state = {f'{name}/Adam': value + 1 for name, value in variables.items()}
    state |= {f'{name}/Adam_1': value + 2 for name, value in variables.items()}
    return {**state, 'global_step': np.int64(9), 'beta1_power': np.float32(0.9)}


def averages_of(variables):
    return {name + AVERAGE_SUFFIX: value + 3 for name, value in variables.items()}


@pytest.mark.parametrize('v1', [True, False])
def test_a_checkpoint_of_any_age_without_the_state_of_its_training(v1, tmp_path):
    variables = lenet()
    # Archives of 2016 have the mean colour too, which is no variable of a network.
    mean = {'LeNet/mean_rgb': np.ones(3, np.float32)}
    path = checkpoint_files.write(
        tmp_path / 'a', {**variables, **of_training(variables), **mean}, step=9, v1=v1
    )
    imported = do_import(path, tmp_path / 'out')
    assert_holds(imported, variables)
    assert imported.info == model_info.read_beside(imported.path)
    assert (imported.info.model_name, imported.info.num_classes) == ('lenet', 7)
    assert imported.info.weights_source == path
    assert imported.lines[-1] == (
        'left out, because they belong to a training: beta1_power, global_step and 16 more'
    )
    # A directory is its newest checkpoint, and another import of the same changes nothing.
    again = do_import(tmp_path / 'a', tmp_path / 'out')
    assert not again.is_new


def test_moving_averages_are_used_unless_told_otherwise(tmp_path):
    variables = lenet()
    averages = averages_of(variables)
    path = checkpoint_files.write(tmp_path / 'a', {**variables, **averages})
    imported = do_import(path, tmp_path / 'with')
    assert_holds(imported, {name: value + 3 for name, value in variables.items()})
    assert imported.lines[-1] == '8 moving averages of variables are used'
    imported = do_import(path, tmp_path / 'without', use_moving_averages=False)
    assert_holds(imported, variables)
    assert imported.lines[-1] == '8 moving averages of variables are not used'
    # Some programs store the averages alone.
    path = checkpoint_files.write(tmp_path / 'b', averages)
    assert_holds(do_import(path, tmp_path / 'alone'), {n: v + 3 for n, v in variables.items()})
    assert 'contains no tensors of a network' in refused(
        path, tmp_path / 'none', use_moving_averages=False
    )


def test_variables_are_renamed_and_left_out(tmp_path):
    variables = lenet()
    theirs = {f'tower_0/{name.replace("LeNet", "Net")}': v for name, v in variables.items()}
    theirs['tower_0/decoder/weights'] = np.zeros((2, 2), np.float32)
    path = checkpoint_files.write(tmp_path / 'a', theirs)
    assert 'not of a network here in a known layout' in refused(path, tmp_path / 'out')
    rules = ('^tower_0/:', 'decoder/.*:', r'^(N)et\b:Le\1et')
    imported = do_import(path, tmp_path / 'out', rename=rules)
    assert_holds(imported, variables)
    assert imported.lines[-3:] == (
        '--rename=^tower_0/:: 9 tensors renamed, 0 left out',
        '--rename=decoder/.*:: 0 tensors renamed, 1 left out',
        r'--rename=^(N)et\b:Le\1et: 8 tensors renamed, 0 left out',
    )
    message = refused(path, tmp_path / 'b', rename=('^tower_1/:',))
    assert message.startswith('--rename=^tower_1/:: fits no tensor; the file has tower_0/')
    message = refused(path, tmp_path / 'b', rename=('^.*$:LeNet/fc3/weights',))
    assert message.endswith('two tensors would have the name LeNet/fc3/weights')
    assert 'invalid group reference' in refused(path, tmp_path / 'b', rename=(r'^.:\3',))


def test_what_a_checkpoint_lacks_or_has_besides_is_an_error(tmp_path):
    variables = lenet()
    weights = variables.pop('LeNet/fc3/weights')
    path = checkpoint_files.write(tmp_path / 'a', variables)
    assert refused(path, tmp_path / 'out').startswith(f'{path}: has nothing for LeNet/fc3/weights')
    extra = {**variables, 'LeNet/fc3/weights': weights, 'LeNet/fc5/weights': weights}
    path = checkpoint_files.write(tmp_path / 'b', extra)
    assert 'has a tensor without a place in lenet: LeNet/fc5/weights; the file is of' in refused(
        path, tmp_path / 'out'
    )
    path = checkpoint_files.write(tmp_path / 'c', {**variables, 'LeNet/fc3/weights': weights[:-1]})
    assert 'LeNet/fc3/weights is 3135x1024, which does not fit' in refused(path, tmp_path / 'out')
    del extra['LeNet/fc4/weights'], extra['LeNet/fc4/biases']
    path = checkpoint_files.write(tmp_path / 'headless', extra)
    assert refused(path, tmp_path / 'out').startswith(f'{path}: not of a network here in a known')
    small = weight_files.random_variables('mobilenet_v1_025', 3)
    del small['MobilenetV1/Conv2d_0/BatchNorm/gamma']
    path = checkpoint_files.write(tmp_path / 'd', small)
    assert 'lacks the tensor MobilenetV1/Conv2d_0/BatchNorm/gamma of TF-Slim' in refused(
        path, tmp_path / 'out', model_name='mobilenet_v1_025'
    )


@pytest.mark.parametrize('damage', [checkpoint_files.truncate, checkpoint_files.flip])
def test_a_damaged_checkpoint_is_one_line(damage, tmp_path):
    path = checkpoint_files.write(tmp_path / 'a', lenet())
    damage(f'{path}.data-00000-of-00001')
    assert f'{path}: damaged or half written' in refused(path, tmp_path / 'out')


def test_objects_of_tensorflow_2_are_refused(tmp_path):
    names = {'model/layer-1/kernel/.ATTRIBUTES/VARIABLE_VALUE': np.zeros((2, 2), np.float32)}
    path = checkpoint_files.write(tmp_path / 'a', names)
    assert 'has the names of objects of TensorFlow 2' in refused(path, tmp_path / 'out')


def test_names_and_preprocessing_come_from_the_description(tmp_path):
    info = small_models.describe('mobilenet_v1_025', image_size=96, class_names=('cat', 'dog'))
    info = info.replace(preprocessing_name='vgg', labels_offset=1, dataset_name='pets')
    directory = small_models.train_dir(tmp_path / 'a', info)
    imported = do_import(directory, tmp_path / 'out')
    assert imported.info == info.replace(weights_source=f'{directory}/model.ckpt-1')
    assert_holds(imported, small_models.values(info))
    (tmp_path / 'labels.txt').write_text('tulip\nrose\n')
    named = do_import(directory, tmp_path / 'named', labels=str(tmp_path / 'labels.txt'))
    assert (named.info.class_names, named.info.dataset_name) == (('tulip', 'rose'), '')


def test_a_width_is_recognised_by_its_shapes_and_a_release_by_its_name(tmp_path):
    variables = weight_files.random_variables('mobilenet_v1_025', 1001)
    path = checkpoint_files.write(tmp_path / 'a', variables, name='mine.ckpt')
    info = do_import(path, tmp_path / 'out').info
    assert (info.model_name, info.image_size) == ('mobilenet_v1_025', 224)
    path = checkpoint_files.write(tmp_path / 'b', variables, name='mobilenet_v1_0.25_128.ckpt')
    info = do_import(path, tmp_path / 'release').info
    assert (info.model_name, info.image_size) == ('mobilenet_v1_025', 128)
    assert (info.labels_offset, len(info.class_names)) == (0, 1001)


# These have only layers that LeNet has too, and 100 million numbers.
LARGE = {'alexnet_v2', 'overfeat', 'vgg_a'}


@pytest.mark.parametrize(
    'network',
    [
        pytest.param(name, marks=pytest.mark.soak if name != 'inception_v2' else ())
        for name in families.SMALLEST
        if name not in LARGE
    ],
)
def test_every_family_comes_back_from_a_checkpoint(network, tmp_path):
    auxiliary = model_specs.get_spec(network).auxiliary_head is not None
    variables = weight_files.random_variables(network, 3, auxiliary)
    path = checkpoint_files.write(tmp_path / 'a', variables)
    imported = do_import(path, tmp_path / 'out')
    assert imported.info.model_name == network
    assert_holds(imported, variables)


class TestGraphs:
    def test_constants_of_a_frozen_graph_are_its_variables(self, tmp_path):
        info = small_models.describe('mobilenet_v1_025', image_size=96, class_names=('cat', 'dog'))
        directory = small_models.train_dir(tmp_path / 'a', info)
        path = small_models.frozen(tmp_path / 'frozen.pb', directory, described=False)
        imported = do_import(path, tmp_path / 'out')
        assert_holds(imported, small_models.values(info))
        assert (imported.info.model_name, imported.info.image_size) == ('mobilenet_v1_025', 96)
        assert imported.info.class_names == ()
        # With its description, the names of the classes are known.
        path = small_models.frozen(tmp_path / 'named.pb', directory)
        assert do_import(path, tmp_path / 'named').info.class_names == ('cat', 'dog')

    def test_a_graph_in_text_form(self, tmp_path):
        variables = weight_files.random_variables('mobilenet_v1_025', 4)
        path = tmp_path / 'graph.pbtxt'
        path.write_text(str(graph_of(variables)))
        assert_holds(do_import(path, tmp_path / 'out', model_name='mobilenet_v1_025'), variables)

    def test_a_retrained_module_gets_its_new_last_layer(self, tmp_path):
        variables = weight_files.random_variables('mobilenet_v1_025', 4)
        head = 'MobilenetV1/Logits/Conv2d_1c_1x1/'
        theirs = {f'module/{name}': v for name, v in variables.items() if head not in name}
        layer = {
            'final_retrain_ops/weights/final_weights': variables[f'{head}weights'][0, 0],
            'final_retrain_ops/biases/final_biases': variables[f'{head}biases'],
        }
        graph = graph_of({**theirs, **layer})
        pictures = graph.node.add(name='Placeholder', op='Placeholder')
        pictures.attr['shape'].shape.CopyFrom(tf.TensorShape([None, 160, 160, 3]).as_proto())
        path = write(tmp_path / 'retrained.pb', graph)
        imported = do_import(path, tmp_path / 'out', model_name='mobilenet_v1_025')
        assert_holds(imported, variables)
        assert (imported.info.image_size, imported.info.num_classes) == (160, 4)

    def test_a_module_of_a_resnet_takes_pixels_from_minus_1_to_1(self, tmp_path):
        graph = graph_of({'module/resnet_v1_50/logits/weights': np.zeros((1, 1, 2, 2), np.float32)})
        path = write(tmp_path / 'plain.pb', graph)
        assert 'preprocessing' not in graph_file.read(path).metadata
        graph.node.add(name='module_apply_default/hub_input/Mul', op='Mul')
        path = write(tmp_path / 'module.pb', graph)
        assert graph_file.read(path).metadata == {'is_graph': True, 'preprocessing': 'inception'}

    @pytest.mark.parametrize(
        'network',
        ['inception_v1', 'inception_v2', 'inception_v3', 'inception_resnet_v2', 'mobilenet_v1',
         'mobilenet_v2', 'resnet_v2_50'],
    )  # fmt: skip
    def test_the_last_layer_is_found_by_the_scope_of_a_module(self, network):
        variables = reference.facts(network)['model_variables']
        layer = {
            f'final_retrain_ops/{role}/final_{role}': Tensor(shape, None)
            for role, shape in (('weights', (7, 3)), ('biases', (3,)))
        }
        body = {f'module/{name}': Tensor(tuple(shape), None) for name, shape in variables.items()}
        head = model_specs.get_spec(network).head
        body = {name: tensor for name, tensor in body.items() if f'{head}/' not in name}
        assert retrained_graphs.unified('', {**body, **layer}).keys() == variables.keys()

    def test_a_layer_on_top_of_the_logits_is_joined_with_them(self, tmp_path):
        variables = weight_files.random_variables('mobilenet_v1_025', 1001)
        weights = np.random.default_rng(1).normal(size=(1001, 3)).astype(np.float32)
        biases = np.array([1, 2, 3], np.float32)
        layer = {
            'final_training_ops/weights/final_weights': weights,
            'final_training_ops/biases/final_biases': biases,
        }
        path = write(tmp_path / 'retrained.pb', graph_of({**variables, **layer}))
        imported = do_import(path, tmp_path / 'out', model_name='mobilenet_v1_025')
        found = weight_files.read_checkpoint(imported.path)
        head = 'MobilenetV1/Logits/Conv2d_1c_1x1/'
        features = np.random.default_rng(2).normal(size=(2, 256))
        logits = features @ variables[f'{head}weights'][0, 0] + variables[f'{head}biases']
        ours = features @ found[f'{head}weights'][0, 0] + found[f'{head}biases']
        np.testing.assert_allclose(ours, logits @ weights + biases, rtol=1e-4, atol=1e-3)
        del layer['final_training_ops/biases/final_biases']
        path = write(tmp_path / 'cut.pb', graph_of({**variables, **layer}))
        assert 'without a place in mobilenet_v1_025: final_training_ops' in refused(
            path, tmp_path / 'other', model_name='mobilenet_v1_025'
        )
        layer['final_training_ops/biases/final_biases'] = biases
        layer['final_training_ops/weights/final_weights'] = weights[1:]
        path = write(tmp_path / 'wrong.pb', graph_of({**variables, **layer}))
        assert 'reads 1000 values, and the one before it computes 1001' in refused(
            path, tmp_path / 'other'
        )

    @pytest.mark.parametrize(
        'network',
        [
            pytest.param(name, marks=() if name == 'mobilenet_v1_025' else pytest.mark.soak)
            for name in families.SMALLEST
            if name not in LARGE
        ],
    )
    def test_graphs_that_were_frozen_here_come_back_though_their_batch_norms_are_folded(
        self, network, tmp_path
    ):
        info = weight_files.info_of(network)
        variables = weight_files.random_variables(network)
        checkpoint = checkpoint_files.write(tmp_path / 'a', variables)
        frozen, info, _ = completion.from_checkpoint(info, checkpoint, with_bytes=False)
        freeze.write(tmp_path / 'x.pb', frozen.graph_def, info)
        imported = do_import(tmp_path / 'x.pb', tmp_path / 'out')
        assert imported.info.model_name == network
        assert imported.info.num_classes == 7
        again, _, _ = completion.from_checkpoint(imported.info, imported.path, with_bytes=False)
        first, second = map(constants, (frozen.graph_def, again.graph_def))
        assert first.keys() == second.keys()
        assert any(name.endswith('/folded_biases') for name in first) == (
            frozen.num_batch_norms > 0
        )
        for name, value in first.items():
            np.testing.assert_allclose(second[name], value, rtol=1e-5, atol=1e-6)

    def test_a_graph_that_is_folded_otherwise_is_refused(self, tmp_path):
        network = 'mobilenet_v1_025'
        checkpoint = checkpoint_files.write(tmp_path / 'a', weight_files.random_variables(network))
        info = weight_files.info_of(network)
        frozen, info, _ = completion.from_checkpoint(info, checkpoint, with_bytes=False)
        for node in frozen.graph_def.node:
            node.name = node.name.replace('Conv2d_3_pointwise/BatchNorm', 'other')
        freeze.write(tmp_path / 'x.pb', frozen.graph_def, info)
        assert 'Conv2d_3_pointwise/Conv2D is folded in another way than in mobilenet_v1_025' in (
            refused(tmp_path / 'x.pb', tmp_path / 'out')
        )

    def test_graphs_whose_constants_are_not_the_weights_are_refused(self, tmp_path):
        variables = weight_files.random_variables('mobilenet_v1_025', 4)
        folded = {name: v for name, v in variables.items() if 'BatchNorm' not in name}
        path = write(tmp_path / 'folded.pb', graph_of(folded))
        assert 'its batch norms are folded into the weights before them; name' in refused(
            path, tmp_path / 'out'
        )
        for operation, words in (
            ('FakeQuantWithMinMaxVars', 'computes with 8-bit numbers (FakeQuantWithMinMaxVars)'),
            ('QuantizedConv2D', 'computes with 8-bit numbers (QuantizedConv2D)'),
            ('VariableV2', 'has variables without values; name the checkpoint'),
        ):
            graph = graph_of(variables)
            graph.node.add(name='other', op=operation)
            path = write(tmp_path / 'other.pb', graph)
            assert words in refused(path, tmp_path / 'out')
        path = write(tmp_path / 'two.pb', graph_of({**lenet(), **of_import(lenet())}))
        assert 'contains more than one network' in refused(path, tmp_path / 'out')
        path = write(tmp_path / 'none.pb', graph_of({'a': np.float32(1)}, with_reads=False))
        assert 'has no constants with the names of variables' in refused(path, tmp_path / 'out')
        path.write_bytes(write(tmp_path / 'whole.pb', graph_of(lenet())).read_bytes()[:-9])
        assert 'damaged, or not a graph' in refused(path, tmp_path / 'out')

    def test_a_shape_without_content_needs_no_memory(self, tmp_path):
        graph = graph_of(lenet())
        node = next(node for node in graph.node if node.name == 'LeNet/fc3/weights')
        node.attr['value'].tensor.tensor_shape.dim[0].size = 1 << 50
        path = write(tmp_path / 'hostile.pb', graph)
        assert 'LeNet/fc3/weights is 1125899906842624x1024' in refused(path, tmp_path / 'out')


def of_import(variables):
    return {f'import/{name}': value for name, value in variables.items()}


def graph_of(values, with_reads=True):
    """Return a GraphDef of constants, as TensorFlow's tools make them of variables."""
    with tf.Graph().as_default() as graph:
        for name, value in values.items():
            constant = tf.constant(value, name=name)
            if with_reads:
                tf.identity(constant, name=f'{name}/read')
    return graph.as_graph_def()


def constants(graph_def):
    return {
        node.name: tf.make_ndarray(node.attr['value'].tensor)
        for node in graph_def.node
        if node.op == 'Const' and node.attr['dtype'].type == tf.float32.as_datatype_enum
    }


def write(path, graph):
    path.write_bytes(graph.SerializeToString())
    return path
