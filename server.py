"""Serve a trained classifier: a page for people, an API for programs.

python server.py --model_name=my_inception_v4_freeze.pb
python server.py --model_name=TRAIN_DIR --host=0.0.0.0 --api_key_file=keys.txt
"""

from absl import flags

from common import flag_tables as cli
from common import startup

FLAGS = flags.FLAGS
_MOST_USED = (
    'model_name', 'label_file', 'host', 'port', 'api_key_file', 'trusted_hosts', 'upload_folder',
)  # fmt: skip
_MODEL = (
    ('path', 'model_name', 'my_inception_v4_freeze.pb', 'A frozen graph, checkpoint, train_dir.'),
    ('path', 'model_dir', '', 'Where the model lies, if its name does not say so.'),
    ('path', 'label_file', None, 'The class names; else NAME.json or NAME.label beside it.'),
    ('string', 'served_name', None, "The name in /v1/models/NAME; else the file's."),
    ('string', 'title', '', "What the page is headed with; else the model's name."),
    ('float', 'reload_secs', 2.0, 'How often to look whether the model was replaced; 0: never.'),
    ('float', 'trial_secs', 300.0, 'How long trying a new model may take.'),
    ('float', 'trial_max_mb', 0.0, 'Memory for that trial; 0: four fifths of what is free.'),
    ('string', 'network', None, 'The network, where nothing beside the model says it.'),
    ('integer', 'labels_offset', None, 'The label of the first output.'),
    ('integer', 'image_size', None, 'Side of the pictures that the network takes.'),
    ('string', 'preprocessing_name', None, 'inception, vgg, lenet or cifarnet.'),
    ('boolean', 'use_grayscale', None, 'Whether the network takes pictures of one channel.'),
    ('boolean', 'use_moving_averages', None, 'Whether to use them; else if trained so.'),
)
_GRAPH = (
    ('string', 'input_layer', None, 'The node that takes pictures or pixels.'),
    ('string', 'output_layer', None, 'The node that tells the classes.'),
    ('float', 'input_mean', None, 'Taken off every pixel (0 .. 255).'),
    ('float', 'input_std', None, 'What every pixel is then divided by.'),
    ('integer', 'input_width', None, 'Width of the pictures that the graph takes.'),
    ('integer', 'input_height', None, 'Height of the pictures that the graph takes.'),
    ('boolean', 'allow_unsafe_graph', False, 'Run a graph even if it may read or change files.'),
)
_SPEED = (
    ('integer', 'max_concurrency', None, 'Runs of the model side by side; else the cores.'),
    ('integer', 'max_batch_size', None, 'Pictures in one run; else 1, with a GPU 8.'),
    ('float', 'batch_wait_ms', None, 'How long a run waits for more pictures; else 0, GPU 2.'),
    ('integer', 'max_queue', 64, 'Pictures that may wait; past it the answer is 503.'),
    ('string', 'precision', 'float32', 'float32, bfloat16, or auto: the faster of both.'),
)
_WHERE = (
    ('string', 'host', '127.0.0.1', '0.0.0.0 lets other machines in.'),
    ('integer', 'port', 5001, 'The port to listen on; 0: any free one.'),
    ('list', 'trusted_hosts', [], 'Names that the server answers for, with commas between.'),
    ('string', 'trusted_proxy', '', 'The address whose X-Forwarded-For counts.'),
    ('path', 'api_key_file', None, 'Keys that open the API, one a line.'),
    ('integer', 'rate_limit', 0, 'Requests a minute from one address; 0: any number.'),
)
_LIMITS = (
    ('integer', 'num_top_predictions', 5, 'Classes to answer with, unless asked for others.'),
    ('float', 'max_body_mb', 32.0, 'The longest request.'),
    ('float', 'max_picture_mb', 20.0, 'The largest file of a picture.'),
    ('float', 'max_megapixels', 25.0, 'The largest picture.'),
    ('float', 'max_decode_mb', None, 'Memory for decoded pictures; else 1024 or the largest one.'),
    ('integer', 'max_files', 16, 'Pictures in one request.'),
    ('float', 'deadline_secs', 60.0, 'From the first byte of a request to its answer.'),
    ('float', 'idle_secs', 30.0, 'How long a connection may rest.'),
    ('float', 'drain_secs', 60.0, 'How long answers may take once the server is told to end.'),
    ('integer', 'threads', 32, 'Requests answered at a time.'),
    ('integer', 'max_connections', 256, 'Connections in all.'),
    ('integer', 'max_connections_per_address', 64, 'Connections from one address.'),
)
_UPLOADS = (
    ('path', 'upload_folder', '', 'Keep copies of pictures here; else nothing is stored.'),
    ('float', 'upload_max_hours', 24.0, 'Remove copies that are older.'),
    ('float', 'upload_max_mb', 500.0, 'Remove the oldest copies past this.'),
    ('boolean', 'debug', False, 'Log more. It starts no debugger.'),
)
_GROUPS = {
    'The model': _MODEL,
    'Frozen graphs of other programs, as label_image knows them': _GRAPH,
    'Speed': _SPEED,
    'Where, and for whom': _WHERE,
    'Limits': _LIMITS,
    'Uploads and the log': _UPLOADS,
}


def main(_):
    """Turn the flags into options, and serve."""
    from serving import early_checks
    from serving.model import model_trial
    from serving.web import lifecycle, server_options
    from serving.web.transport import http_server

    lifecycle.end_at_once_when_told()
    lifecycle.start_log(FLAGS.debug)
    path = lifecycle.model_path(FLAGS.model_dir, FLAGS.model_name)
    labels = lifecycle.label_path(FLAGS.model_dir, FLAGS.label_file)
    early_checks.model(path, labels)
    keys = server_options.read_keys(FLAGS.api_key_file) if FLAGS.api_key_file else ()
    listen = cli.filled(server_options.ListenOptions)
    is_loopback = server_options.is_loopback(FLAGS.host)  # 127.0.0.2 is, and answers for itself.
    config = cli.filled(
        server_options.AppConfig,
        name=FLAGS.served_name or lifecycle.name_for(path),
        is_loopback=is_loopback,
        trusted_hosts=(*FLAGS.trusted_hosts, *([FLAGS.host] if is_loopback else [])),
        api_keys=keys,
        max_requests=max(1, FLAGS.threads),
    )
    # What is wrong so far is told at once: TensorFlow takes seconds to start.
    listening = http_server.listen(listen.host, listen.port)
    with startup.quiet(startup.FATAL):
        from serving.model.model_options import ModelOptions
        from serving.model.predictor import PredictorOptions

    model = cli.filled(
        ModelOptions,
        path=path,
        label_file=labels,
        model_name=FLAGS.network,
        network_flag='--network',
    )
    how = cli.filled(PredictorOptions)
    trial = model_trial.TrialLimits(FLAGS.trial_secs, FLAGS.trial_max_mb)
    options = lifecycle.ServeOptions(model, how, config, listen, FLAGS.reload_secs, trial)
    return lifecycle.serve(options, listening)


if __name__ == '__main__':
    cli.define(_GROUPS)
    cli.run(main, most_used=_MOST_USED, page='docs/serving.md')
