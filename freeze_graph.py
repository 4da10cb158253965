"""Freeze an exported graph with a checkpoint's weights, ready to be served.

python freeze_graph.py --input_graph=GRAPH.pb --input_checkpoint=TRAIN_DIR --input_binary=True \\
    --output_node_names=InceptionV4/Logits/Predictions --output_graph=FROZEN.pb
"""

from absl import app, flags

from common.errors import UserError, exit_cleanly
from training import cli

FLAGS = flags.FLAGS

_WHAT = {'module_name': 'What to freeze'}
flags.DEFINE_string('input_graph', None, 'A GraphDef: exported, of any program.', **_WHAT)
flags.DEFINE_boolean(
    'input_binary', False, 'Whether it is binary; text and binary are told apart anyway.', **_WHAT
)
flags.DEFINE_string(
    'input_checkpoint', None, 'The weights; a directory stands for its newest checkpoint.', **_WHAT
)
flags.DEFINE_list(
    'output_node_names', [], 'The nodes to keep, with commas between; --output_node_name, too.',
    **_WHAT,
)  # fmt: skip
flags.DEFINE_string(
    'output_graph', None, 'NAME.pb; NAME.json and NAME.label are written beside it.', **_WHAT
)
_HOW = {'module_name': 'How to freeze it'}
flags.DEFINE_boolean(
    'use_moving_averages', None, "Freeze the weights' moving averages; else as model.json says.",
    **_HOW,
)  # fmt: skip
flags.DEFINE_string(
    'model_name', None, 'The network, where neither the graph nor the checkpoint tells.', **_HOW
)
flags.DEFINE_boolean('clear_devices', True, 'Forget which device each node was to run on.', **_HOW)
flags.DEFINE_list('initializer_nodes', [], 'Nodes to run before freezing.', **_HOW)
flags.DEFINE_string('input_saver', '', "A SaverDef, to restore with the graph's saver.", **_HOW)
_OLD = {'module_name': cli.OLDER_NAMES}
flags.DEFINE_list('output_node_name', [], 'The same as --output_node_names.', **_OLD)
for name, default in (
    ('restore_op_name', 'save/restore_all'),
    ('filename_tensor_name', 'save/Const:0'),
):
    flags.DEFINE_string(name, default, 'Without effect, as in TensorFlow.', **_OLD)
flags.DEFINE_integer('checkpoint_version', 2, 'Without effect: both versions are read.', **_OLD)
_DEAD = tuple(
    cli.Dead(name, default, 'only a GraphDef with a checkpoint is frozen here')
    for name, default in (
        ('input_meta_graph', ''),
        ('input_saved_model_dir', ''),
        ('saved_model_tags', 'serve'),
        ('variable_names_whitelist', ''),
        ('variable_names_denylist', ''),
    )
)
for dead in _DEAD:
    flags.DEFINE_string(dead.name, dead.default, f'Without effect: {dead.reason}.', **_OLD)


def main(_):
    """Turn the flags into options, and freeze."""
    cli.refuse_dead(_DEAD, FLAGS)
    outputs = _output_names()
    from common import logs
    from serving import freeze

    logs.start()
    own = ('output_node_names', 'initializer_nodes')
    known = freeze.FreezeOptions.__dataclass_fields__
    options = freeze.FreezeOptions(
        output_node_names=outputs,
        initializer_nodes=_names('initializer_nodes'),
        **{name: FLAGS[name].value for name in known if name not in own},
    )
    freeze.freeze(options)


def _output_names():
    names, older = _names('output_node_names'), _names('output_node_name')
    if names and older and names != older:
        raise UserError(
            f'--output_node_names={",".join(names)} and --output_node_name={",".join(older)}'
            ' contradict each other: they mean the same, pass one of them'
        )
    return names or older


def _names(flag):
    return tuple(name.strip() for name in FLAGS[flag].value if name.strip())


if __name__ == '__main__':
    exit_cleanly(app.run)(main, flags_parser=cli.parse)
