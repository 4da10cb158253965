"""The server's life: listen, load, answer, exchange models, and end without losing an answer."""

import dataclasses
import logging
import os
import re
import signal
import socket
import sys
import threading
import time

from common import text
from common.errors import UserError
from serving import memory
from serving.model.model_trial import TrialLimits
from serving.web import server_options
from serving.web.server_options import AppConfig, ListenOptions
from serving.web.transport import http_server

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_SECS_BETWEEN_SIGNALS = 1.0  # `timeout` and shells send the same signal twice.


@dataclasses.dataclass(frozen=True)
class ServeOptions:
    """Everything that a server is started with."""

    model: object  # ModelOptions and PredictorOptions: to know them TensorFlow has to be there.
    predictor: object
    app: AppConfig
    listen: ListenOptions
    reload_secs: float = 2.0  # How often to look for a new model; 0: never.
    trial: TrialLimits = dataclasses.field(default_factory=TrialLimits)  # Of a new model.

    def __post_init__(self):
        """Check the numbers here; waiting for less than nothing would never rest."""
        server_options.check_number('reload_secs', self.reload_secs, 0)
        server_options.check_number('trial_secs', self.trial.secs, 1)
        server_options.check_number('trial_max_mb', self.trial.max_mb, 0)


def serve(options, listening):
    """Serve until SIGTERM or SIGINT, then answer what is under way; return the exit status."""
    memory.return_large_blocks()
    log = logging.getLogger('serving')
    server, holder, store = _assemble(options, listening, log)
    _handle_signals(server)
    loading = _Loading(options, server, holder, log)
    loading.start()
    server.run()
    if store:
        store.close()
    if loading.error:
        raise loading.error
    status = _report_end(server.cut, log)
    if loading.is_alive() or server.cut:  # Neither TensorFlow nor a thread can be stopped cleanly.
        sys.stdout.flush()
        os._exit(status)
    holder.close()
    return status


def _report_end(cut, log):
    """Log whether all requests were answered; return the exit status that says so, too."""
    for address, asked, seconds in cut:
        asked = text.printable(asked.encode('utf-8', 'replace').decode()[:200])
        log.error('CUT %s %s after %.1f s: its answer was not finished', address, asked, seconds)
    if not cut:
        log.info('all requests are answered')
    return 1 if cut else 0


def _assemble(options, listening, log):
    """Return the server, what holds its model, and its store of uploads, or None."""
    from serving.model import model_holder
    from serving.web import app, metrics, upload_store
    from serving.web.transport import access_log

    config = options.app
    counters = metrics.Metrics()
    store = None
    if config.upload_folder:
        limits = config.upload_max_hours, config.upload_max_mb
        store = upload_store.UploadStore(config.upload_folder, *limits)
        store.start_cleaning()
        log.info('copies of pictures are kept in %s', store.folder)
    holder = model_holder.for_model(
        options.model,
        options.predictor,
        report=log.info,
        observe=counters.batch,
        trial=options.trial,
    )
    application = app.create_app(
        holder, config, counters, store, is_draining=lambda: server.is_draining
    )
    server = http_server.HttpServer(
        application,
        listening,
        options.listen,
        config.deadline_secs,
        config.max_body_bytes,
        proxy=config.trusted_proxy,
        guard=app.guard_of(application),
    )

    def count_refusal(address, status, seconds):
        counters.request('refused', status, seconds)
        access_log.refused(address, status, seconds)

    server.on_refusal = count_refusal
    return server, holder, store


class _Loading(threading.Thread):
    """Loads the model beside the server, which answers meanwhile that it is not ready."""

    def __init__(self, options, server, holder, log):
        super().__init__(name='loading', daemon=True)
        self.error = None
        self._options, self._server, self._holder, self._log = options, server, holder, log

    def run(self):
        """Load, try the gate, tell where to find the page, and watch for a new model."""
        began = time.monotonic()
        self._log.info('loading %s ...', self._options.model.path)
        try:
            self._holder.load()
            _try_gate()
        except BaseException as error:
            self.error = error
            self._server.stop()
            return
        self._log.info('ready after %.1f s', time.monotonic() - began)
        for line in greeting(self._options.listen.host, self._server.port, self._options.app):
            print(line, flush=True)
        if self._options.reload_secs:
            self._holder.start_watching(self._options.reload_secs)


def _try_gate():
    """Decode once, so that the first picture is as fast as the next."""
    from pictures import gate
    from preprocessing.picture_decoder import TensorFlowDecoder
    from serving.model.runner import trial_pictures

    for picture in trial_pictures():
        gate.normalise(picture, TensorFlowDecoder())


def greeting(host, port, config):
    """List the lines that tell where the server is found, and by whom."""
    lines = [f'listening on port {port}']
    if host in ('0.0.0.0', '::'):
        lines += [f'  http://{address}:{port}/' for address in ('127.0.0.1', *_own_addresses())]
        lines.append('Every machine that reaches this one can use it, over plain HTTP.')
        if not config.api_keys:
            lines.append('No key is asked for: --api_key_file=FILE changes that.')
        return lines
    shown = f'[{host}]' if ':' in host else host
    lines.append(f'  http://{shown}:{port}/')
    if server_options.is_loopback(host):
        lines.append('Only this machine can use it; --host=0.0.0.0 opens it to others.')
    return lines


def _own_addresses():
    """List the address by which this machine would reach others; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(('192.0.2.1', 9))  # Reserved for documentation (RFC 5737).
            return [probe.getsockname()[0]]
        except OSError:
            return []


def end_at_once_when_told():
    """Exit with 0 on SIGTERM or SIGINT, as long as nothing can be under way yet.

    Called before TensorFlow is imported, which takes seconds. An exception would be raised in the
    middle of the import, where libraries catch what they do not expect.
    """
    for number in _SIGNALS:
        signal.signal(number, lambda number, frame: os._exit(0))


def _handle_signals(server):
    last = [-_SECS_BETWEEN_SIGNALS]

    def handle(number, frame):
        now = time.monotonic()
        if now - last[0] >= _SECS_BETWEEN_SIGNALS:
            last[0] = now
            server.stop()

    for number in _SIGNALS:
        signal.signal(number, handle)


def start_log(debug=False):
    """Write the server's log and its access log to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter('%(asctime)s %(message)s'))
    for name in ('serving', 'waitress'):
        log = logging.getLogger(name)
        log.handlers[:] = [handler]
        log.propagate = False
        log.setLevel(logging.DEBUG if debug else logging.INFO)


def name_for(path):
    """Return what the model at `path` is called in addresses: the name of its file or folder."""
    name = os.path.basename(os.path.normpath(path))
    if name.endswith(('.pb', '.pbtxt')):
        name = os.path.splitext(name)[0]
    return re.sub(r'[^A-Za-z0-9_.-]', '_', name) or 'model'


def model_path(directory, name):
    """Return the path of the model: a name in a directory, or either alone."""
    path = os.path.join(directory, name) if directory else name
    if path.endswith('.pb') and not os.path.exists(path):
        raise UserError(f'--model_name={name}: there is no file {path}')
    return path


def label_path(directory, name):
    """Return the path of a label file, which may lie where one stands or beside the model."""
    if not name or not directory or os.path.exists(name):
        return name
    beside = os.path.join(directory, name)
    return beside if os.path.exists(beside) else name
