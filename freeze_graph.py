"""Freeze an exported graph with a checkpoint's weights, ready to be served.

python freeze_graph.py --input_graph=GRAPH.pb --input_checkpoint=TRAIN_DIR --input_binary=True \\
    --output_node_names=InceptionV4/Logits/Predictions --output_graph=FROZEN.pb
python freeze_graph.py --input_meta_graph=TRAIN_DIR/model.ckpt-100.meta \\
    --input_checkpoint=TRAIN_DIR/model.ckpt-100 --output_node_names=OUTPUT --output_graph=FROZEN.pb
"""

from absl import flags

from common import flag_tables as cli

FLAGS = flags.FLAGS
_MOST_USED = ('input_graph', 'input_checkpoint', 'output_node_names', 'output_graph')
_WHAT = (
    ('path', 'input_graph', None, 'A GraphDef: exported, of any program.'),
    ('path', 'input_meta_graph', '', 'A MetaGraph (.meta) to take the graph from instead.'),
    ('boolean', 'input_binary', False, 'Accepted; text and binary are told apart anyway.'),
    ('path', 'input_checkpoint', None, 'The weights; a directory stands for its newest ones.'),
    ('list', 'output_node_names', [], 'The nodes to keep, with commas between.'),
    ('path', 'output_graph', None, 'NAME.pb; NAME.json and NAME.label are written beside it.'),
)
_HOW = (
    ('boolean', 'use_moving_averages', None, 'Freeze these; untyped, as model.json says.'),
    ('string', 'model_name', None, 'The network, where neither graph nor checkpoint tells.'),
    ('boolean', 'clear_devices', True, 'Forget which device each node was to run on.'),
    ('list', 'initializer_nodes', [], 'Nodes to run before freezing.'),
    ('boolean', 'allow_unsafe_graph', False, 'Take a graph even if it may read or change files.'),
    ('path', 'input_saver', '', "A SaverDef, to restore with the graph's saver."),
)
_DEAD = tuple(
    cli.Dead(name, default, 'only a graph with a checkpoint is frozen here')
    for name, default in (
        ('input_saved_model_dir', ''),
        ('saved_model_tags', 'serve'),
        ('variable_names_whitelist', ''),
        ('variable_names_denylist', ''),
        ('variable_names_blacklist', ''),
    )
)
_IGNORED = (
    cli.Ignored('restore_op_name', 'save/restore_all', "as in TensorFlow's tool"),
    cli.Ignored('filename_tensor_name', 'save/Const:0', "as in TensorFlow's tool"),
    cli.Ignored('checkpoint_version', 2, 'both versions are read'),
)
_GROUPS = {
    'What to freeze': _WHAT,
    'How to freeze it': _HOW,
    cli.OLDER_NAMES: (
        ('list', 'output_node_name', [], 'The same as --output_node_names.'),
        *cli.without_effect((*_IGNORED, *_DEAD)),
    ),
}


def main(_):
    """Turn the flags into options, and freeze."""
    cli.refuse_dead(_DEAD)
    outputs = cli.either('output_node_names', 'output_node_name') or ()
    from common import logs, startup
    from serving import early_checks

    early_checks.freezing(FLAGS.input_graph, FLAGS.input_meta_graph, FLAGS.input_checkpoint)
    with startup.quiet():
        from serving.export import freeze

    logs.start()
    options = cli.filled(
        freeze.FreezeOptions,
        output_node_names=_names(outputs),
        initializer_nodes=_names(FLAGS.initializer_nodes),
    )
    freeze.freeze(options)


def _names(typed):
    return tuple(name.strip() for name in typed if name.strip())


if __name__ == '__main__':
    cli.define(_GROUPS)
    cli.run(main, most_used=_MOST_USED, page='docs/exporting.md')
