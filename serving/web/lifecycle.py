"""Run the server: listen, load the model, answer requests, and drain when it is stopped."""

import logging
import os
import signal
import socket
import sys
import threading
import time

from common import text
from serving import memory
from serving.web import server_options
from serving.web.transport import http_server

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_SECS_BETWEEN_SIGNALS = 1.0  # `timeout` and shells send the same signal twice.


def serve(options):
    """Serve until SIGTERM or SIGINT, finish the current requests, and return the exit status."""
    _exit_on_signals()
    _start_log(options.debug)
    log = logging.getLogger('serving')
    for line in options.notices:
        log.info('%s', line)
    keys = server_options.read_keys(options.api_key_file) if options.api_key_file else ()
    config = options.app_config(keys)
    # Before the model is loaded, which may take seconds: the port may be in use.
    listening = http_server.listen(options.listen.host, options.listen.port)
    memory.return_large_blocks()
    server, holder, store = _assemble(options, config, listening, log)
    _handle_signals(server)
    loading = _Loading(options, config, server, holder, log)
    loading.start()
    server.run()
    if store:
        store.close()
    if loading.error:
        raise loading.error
    status = _report_end(server.cut, log)
    if loading.is_alive() or server.cut:  # TensorFlow and threads cannot be stopped cleanly.
        sys.stdout.flush()
        os._exit(status)
    holder.close()
    return status


def _report_end(cut, log):
    """Log whether all requests were answered; return the exit status: 0 if they were, else 1."""
    for address, asked, seconds in cut:
        asked = text.excerpt(asked, 200)
        log.error('CUT %s %s after %.1f s: its answer was not finished', address, asked, seconds)
    if not cut:
        log.info('all requests are answered')
    return 1 if cut else 0


def _assemble(options, config, listening, log):
    """Return the server, its ModelHolder, and its UploadStore or None."""
    from serving.model import model_holder
    from serving.web import app, metrics, upload_store
    from serving.web.transport import access_log

    counters = metrics.Metrics()
    store = None
    if config.upload_folder:
        limits = config.upload_max_hours, config.upload_max_mb
        store = upload_store.UploadStore(config.upload_folder, *limits)
        store.start_cleaning()
        log.info('copies of pictures are kept in %s', store.folder)
    holder = model_holder.for_model(
        options.model_options,
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
    """Loads the model in a thread; until then the server answers that it is not ready."""

    def __init__(self, options, config, server, holder, log):
        super().__init__(name='loading', daemon=True)
        self.error = None
        self._options, self._config = options, config
        self._server, self._holder, self._log = server, holder, log

    def run(self):
        """Load the model, print the server's address, and watch for a new model."""
        began = time.monotonic()
        self._log.info('loading %s ...', self._options.model_path)
        try:
            self._holder.load()
            _try_gate()
        except BaseException as error:
            self.error = error
            self._server.stop()
            return
        self._log.info('ready after %.1f s', time.monotonic() - began)
        for line in greeting(self._options.listen.host, self._server.port, self._config):
            print(line, flush=True)
        if self._options.reload_secs:
            self._holder.start_watching(self._options.reload_secs)


def _try_gate():
    """Decode once, so that the first picture is as fast as the next."""
    from pictures import gate
    from pictures.decode import LibraryDecoder
    from serving.model.engines.trial_pictures import trial_pictures

    for picture in trial_pictures():
        gate.normalise(picture, LibraryDecoder())


def greeting(host, port, config):
    """List the lines that say at which address the server is, and who can reach it."""
    lines = [f'listening on port {port}']
    if host in ('0.0.0.0', '::'):
        lines += [f'  http://{address}:{port}/' for address in ('127.0.0.1', *_own_addresses())]
        lines.append('Every machine that can reach this one can use it, over plain HTTP.')
        if not config.api_keys:
            lines.append('No API key is required; --api_key_file=FILE requires one.')
        return lines
    shown = f'[{host}]' if ':' in host else host
    lines.append(f'  http://{shown}:{port}/')
    if server_options.is_loopback(host):
        lines.append('Only this machine can use it; --host=0.0.0.0 opens it to others.')
    return lines


def _own_addresses():
    """List the address from which this machine reaches others; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(('192.0.2.1', 9))  # Reserved for documentation (RFC 5737).
            return [probe.getsockname()[0]]
        except OSError:
            return []


def _exit_on_signals():
    """Exit with 0 on SIGTERM or SIGINT, until the server can receive requests.

    An exception while modules are imported could be caught by a library.
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


def _start_log(debug):
    """Write the server's log and its access log to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter('%(asctime)s %(message)s'))
    for name in ('serving', 'waitress'):
        log = logging.getLogger(name)
        log.handlers[:] = [handler]
        log.propagate = False
        log.setLevel(logging.DEBUG if debug else logging.INFO)
