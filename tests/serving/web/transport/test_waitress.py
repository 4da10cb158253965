"""The internals of waitress that the server overrides or calls are the ones it was written for.

After an upgrade of waitress each failure names the internal that has changed and the code of ours
that relies on it. Compare the two versions, adapt that code, and put the new digest here.
"""

import hashlib
import importlib
import importlib.metadata
import inspect
import re

import pytest

# Internal of waitress -> (digest of its source, what to look at in serving/web/transport/).
WATCHED = {
    'channel.HTTPChannel.__init__': ('a194769af3fd', 'http_channel.Channel.__init__'),
    'channel.HTTPChannel.readable': ('e4722238ce60', 'http_channel.Channel.readable'),
    'channel.HTTPChannel.handle_read': ('5f1fb08c95aa', 'http_channel.Channel.handle_read'),
    'channel.HTTPChannel.handle_write': (
        '6c900f395b30',
        'http_channel.Channel.handle_close, which it calls',
    ),
    'channel.HTTPChannel.handle_close': ('8f59b9aaa455', 'http_channel.Channel.handle_close'),
    'channel.HTTPChannel.received': (
        '08d6df73fb69',
        'http_channel.Channel.received and parser_class',
    ),
    'channel.HTTPChannel.service': (
        'f73afa13748e',
        'http_channel.Channel: task_class, error_task_class',
    ),
    'channel.HTTPChannel.cancel': ('ba151d8a01e6', 'dispatcher.Dispatcher.shutdown'),
    'parser.HTTPRequestParser.__init__': ('d43d0602efd2', 'http_parser.RequestParser.__init__'),
    'parser.HTTPRequestParser.received': ('b466c02de37d', 'http_parser.RequestParser.received'),
    'parser.HTTPRequestParser.parse_header': (
        'c2c093b90178',
        'http_parser.RequestParser.parse_header',
    ),
    'parser.HTTPRequestParser.get_body_stream': (
        'b85b308c5e42',
        'http_parser.RequestParser.get_body_stream',
    ),
    'receiver.ChunkedReceiver': ('7d4fd7a3f8c5', 'http_chunks.ChunkReceiver, which replaces it'),
    'server.BaseWSGIServer.__init__': ('e70a16b5b63c', 'http_server.HttpServer.__init__'),
    'server.BaseWSGIServer.handle_accept': (
        '69bfcf0fc140',
        'http_server.HttpServer.handle_accept and _drain',
    ),
    'server.BaseWSGIServer.maintenance': ('4ab5b7f595bc', 'http_server.HttpServer.maintenance'),
    'server.BaseWSGIServer.add_task': ('19e994eb9cc9', 'http_channel.Channel.refuse'),
    'server.BaseWSGIServer.pull_trigger': ('bf12fa7216ed', 'http_server.HttpServer.stop'),
    'server.TcpWSGIServer': ('b2cb32f191a1', 'http_server.HttpServer'),
    'adjustments.Adjustments.__init__': ('423618117d85', 'http_server._adjustments'),
    'task.ErrorTask.execute': ('4abe3262db04', 'http_channel._RefusalTask.execute'),
    'task.Task.build_response_header': (
        '2cf70b88816f',
        'http_channel._AnswerTask.build_response_header',
    ),
    'task.Task.set_close_on_finish': ('90433a0ffcaf', 'http_channel._AnswerTask and _RefusalTask'),
    'task.Task.write': ('f9a97135b3b5', 'http_channel._RefusalTask.execute'),
    'task.WSGITask.get_environment': ('3bb57be6c7db', 'http_channel._AnswerTask.get_environment'),
    'task.ThreadedTaskDispatcher': ('541f30c57f08', 'dispatcher.Dispatcher'),
    'utilities.Error': ('374c72f58aca', 'http_channel._RequestTimeout and _NoRoom'),
    'wasyncore.loop': ('9c04aac11e1c', 'http_server.HttpServer._turn'),
    'wasyncore.close_all': ('6b588549e991', 'http_server.HttpServer.run'),
    'wasyncore.dispatcher.close': ('dd4afafdd011', 'http_server.HttpServer._drain'),
}
# Attributes that ours reads or sets and that waitress creates in these functions.
ATTRIBUTES = {
    'channel.HTTPChannel': (
        'http_channel.Channel',
        'adj addr close_when_flushed connected last_activity request requests requests_lock server '
        'total_outbufs_len will_close',
    ),
    'parser.HTTPRequestParser': (
        'http_parser.RequestParser',
        'adj body_bytes_received body_rcv chunked command completed content_length error '
        'expect_continue headers headers_finished path proxy_netloc proxy_scheme request_uri '
        'version',
    ),
    'server.BaseWSGIServer': (
        'http_server.HttpServer',
        '_map active_channels adj effective_port task_dispatcher',
    ),
    'task.Task': (
        'http_channel._AnswerTask and _RefusalTask',
        'channel content_length request response_headers status',
    ),
    'task.ThreadedTaskDispatcher': (
        'dispatcher.Dispatcher',
        'lock queue_cv thread_exit_cv threads',
    ),
}


def internal(name):
    """Return a class or function of waitress by its name, such as `task.Task.write`."""
    module, *path = name.split('.')
    found = importlib.import_module(f'waitress.{module}')
    for part in path:
        found = getattr(found, part, None)
    return found


def digest(function):
    return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:12]


def complaint(name, expected, ours, found):
    """Return what to look at when an internal is not the expected one, or ''."""
    version = importlib.metadata.version('waitress')
    if found is None:
        return f'waitress {version} has no {name}: look at {ours}'
    if digest(found) != expected:
        signature = inspect.signature(found)
        return f'waitress {version} has changed {name}{signature}: look at {ours}'
    return ''


@pytest.mark.parametrize('name', WATCHED)
def test_an_internal_is_the_one_that_ours_was_written_for(name):
    expected, ours = WATCHED[name]
    assert complaint(name, expected, ours, internal(name)) == ''


@pytest.mark.parametrize('name', ATTRIBUTES)
def test_the_attributes_that_ours_uses_are_set(name):
    ours, attributes = ATTRIBUTES[name]
    sources = [inspect.getsource(each) for each in internal(name).__mro__[:-1]]
    lines = '\n'.join(sources)
    missing = [
        each
        for each in attributes.split()
        if not re.search(rf'(?m)(self\.|^    |^    def ){each}\b', lines)
    ]
    assert not missing, f'waitress: {name} sets no {missing}: look at {ours}'


@pytest.mark.parametrize(
    ('name', 'expected', 'words'),
    [
        ('task.Task.write', '0' * 12, 'has changed task.Task.write(self, data): look at here'),
        ('task.Task.gone', '0' * 12, 'has no task.Task.gone: look at here'),
    ],
)
def test_a_change_is_named(name, expected, words):
    assert words in complaint(name, expected, 'here', internal(name))
