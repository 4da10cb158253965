"""The web application: a page for people and an API for programs.

This is the only module that imports Flask.
"""

import io
import logging
import os
import time

import flask
import werkzeug.routing
from werkzeug.exceptions import HTTPException

from serving.web import admission, answers, openapi, request_bodies, security
from serving.web.metrics import CONTENT_TYPE, Metrics
from serving.web.page import cards, page_content, translations
from serving.web.refusals import Refusal
from serving.web.service import Service, loading
from serving.web.transport import access_log

_SERVICE = 'classifier'
# Answered as JSON instead of on the page: other sites must not embed it, and it may be broken.
_NOT_ON_PAGE = frozenset({'host', 'origin', 'failure'})


class _Request(flask.Request):
    """A request whose files stay in memory, so that no picture is written to disk."""

    def _get_file_stream(self, *args, **kwargs):
        return io.BytesIO()

    def make_form_data_parser(self):
        """Make a parser that reports a damaged form instead of returning an empty one."""
        parser = super().make_form_data_parser()
        parser.silent = False
        return parser

    def _load_form_data(self):
        try:
            super()._load_form_data()
        except ValueError:
            message = 'the form is incomplete or damaged, or its names are not UTF-8'
            raise Refusal(400, 'form', message) from None


class _BeforeVerb(werkzeug.routing.BaseConverter):
    """Matches a name or version in an address up to the verb of `NAME:predict`."""

    regex = '[^/:]+'


class _Classifier:
    """Objects that all routes of an application use."""

    def __init__(self, service, config, metrics, is_draining, guard):
        self.service = service
        self.config = config
        self.metrics = metrics
        self.is_draining = is_draining
        self.guard = guard


def create_app(holder, config, metrics=None, store=None, is_draining=lambda: False):
    """Make the application that answers with the model of a ModelHolder or an OnlyModel."""
    metrics = metrics or Metrics()
    app = flask.Flask(__name__)
    app.request_class = _Request
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False  # A redirect would name the host of the request.
    app.config['MAX_CONTENT_LENGTH'] = config.max_body_bytes
    app.config['MAX_FORM_PARTS'] = config.max_files + 16
    # Files also pass through this buffer, in pieces of 64 kB plus the rest of the previous one.
    app.config['MAX_FORM_MEMORY_SIZE'] = 128 * 1024
    app.config['SEND_FILE_MAX_AGE_DEFAULT'] = 3600
    app.json.sort_keys = False
    service = Service(holder, config, metrics, store)
    guard = admission.Guard(config, os.listdir(app.static_folder))
    app.extensions[_SERVICE] = _Classifier(service, config, metrics, is_draining, guard)
    _add_routes(app)
    app.before_request(_admit)
    app.after_request(_finish)
    app.register_error_handler(Refusal, _refuse)
    app.register_error_handler(HTTPException, _refuse_http)
    app.register_error_handler(Exception, _fail)
    return app


def guard_of(app):
    """Return the Guard of an application, with which the server checks headers."""
    return app.extensions[_SERVICE].guard


def _add_routes(app):
    app.url_map.converters['before_verb'] = _BeforeVerb
    model = '/v1/models/<before_verb:name>'
    of_version = f'{model}/versions/<before_verb:version>'
    rules = (
        ('/', page, ['GET', 'POST']),
        ('/api/classify', classify, ['POST']),
        ('/api/model', describe_model, ['GET']),
        ('/api/openapi.json', describe_api, ['GET']),
        (model, model_status, ['GET']),
        (of_version, model_status, ['GET']),
        (f'{model}/metadata', model_metadata, ['GET']),
        (f'{of_version}/metadata', model_metadata, ['GET']),
        (f'{model}:predict', predict, ['POST']),
        (f'{of_version}:predict', predict, ['POST']),
        ('/healthz', health, ['GET']),
        ('/readyz', ready, ['GET']),
        ('/metrics', metrics_text, ['GET']),
    )
    for rule, view, methods in rules:
        app.add_url_rule(rule, view.__name__, view, methods=methods)


def _classifier():
    return flask.current_app.extensions[_SERVICE]


def _config():
    return _classifier().config


# Before and after each request.


def _admit():
    """Refuse requests that are not allowed, unless the server has checked the header already."""
    request, guard = flask.request, _classifier().guard
    flask.g.began = time.monotonic()
    flask.g.kinds = []
    flask.g.address = guard.address(request.environ)
    flask.g.has_key = False
    admitted = request.environ.get(admission.ADMISSION_KEY)
    if isinstance(admitted, Refusal):
        raise admitted
    if not (guard.admit(request.environ) if admitted is None else admitted):
        guard.check_form_key(request.form.get('key'))
        flask.g.has_key = True
    flask.g.has_key |= guard.has_key(request.environ)


def _finish(response):
    """Add the common headers to an answer; count and log it."""
    response.headers.extend(security.HEADERS)
    if flask.request.endpoint != 'static':
        response.headers['Cache-Control'] = 'no-store'
    began = flask.g.get('began', time.monotonic())
    seconds = time.monotonic() - began
    endpoint = flask.request.endpoint or 'unknown'
    _classifier().metrics.request(endpoint, response.status_code, seconds)
    access_log.answered(
        flask.g.get('address', '-'),
        flask.request.method,
        flask.request.path,
        response.status_code,
        seconds,
        flask.request.content_length or 0,
        flask.g.get('kinds', ()),
    )
    return response


def _refuse(refusal):
    if flask.request.endpoint == 'page' and refusal.kind not in _NOT_ON_PAGE:
        return _page(refusal=refusal)
    return _problem(refusal.content(), refusal.headers())


def _refuse_http(error):
    refusal = Refusal(error.code or 500, 'http', error.description or error.name)
    if flask.request.endpoint == 'page' and flask.request.method == 'POST':
        return _page(refusal=refusal)
    kept = ('Allow', 'Location')
    headers = {name: value for name, value in error.get_headers() if name in kept}
    if refusal.status < 400:
        return error.get_response()
    return _problem(refusal.content(), headers)


def _fail(error):
    logging.getLogger('serving').error('failed on %s', flask.request.endpoint, exc_info=error)
    return _refuse(Refusal(500, 'failure', 'internal error; see the server log'))


def _problem(content, headers):
    error = content
    if flask.request.path.startswith('/v1/'):
        error = content['message']  # TensorFlow Serving's format.
    return flask.jsonify(error=error), content['status'], headers


# The API.


def classify():
    """Answer with the classes of each picture of the request."""
    wants_csv = request_bodies.wants_csv(flask.request)
    sent, count = request_bodies.for_classify(flask.request, _config().num_top_predictions)
    answer = _classified(sent, count)
    body = answers.as_json(answer, _config().name)
    if refusal := answer.refusal:
        return {'error': refusal.content(), **body}, refusal.status, refusal.headers()
    return flask.Response(answers.as_csv(answer), mimetype='text/csv') if wants_csv else body


def _classified(sent, count, preview_side=0):
    client = security.neighbourhood(flask.g.address)
    service = _classifier().service
    answer = service.classify(sent, count, _deadline(), client, preview_side)
    flask.g.kinds = [
        result.picture.kind if result.picture else 'refused' for result in answer.results
    ]
    return answer


def _deadline():
    """Return the time by which the request must be answered."""
    return (
        flask.request.environ.get(admission.DEADLINE_KEY) or flask.g.began + _config().deadline_secs
    )


def describe_model():
    """Describe the current model."""
    with _classifier().service.model() as predictor:
        return answers.model_json(predictor, _config().name)


def describe_api():
    """Return the OpenAPI description."""
    name = _config().name if flask.g.has_key else None
    return openapi.document(name, _classifier().guard.needs_key)


def health():
    """Answer that the server is running."""
    return flask.Response('ok\n', mimetype='text/plain')


def ready():
    """Answer whether the server takes requests: not while it loads a model or drains."""
    if _classifier().is_draining():
        raise Refusal(503, 'draining', 'the server is shutting down', retry_after_secs=5)
    if not _classifier().service.holder.is_ready:
        raise loading()
    return flask.Response('ready\n', mimetype='text/plain')


def metrics_text():
    """Return the metrics in Prometheus' format."""
    body = _classifier().metrics.text(**_classifier().service.gauges())
    return flask.Response(body, content_type=CONTENT_TYPE)


# TensorFlow Serving's API.


def model_status(name, version=None):
    """Return the version of the model and its state."""
    holder = _classifier().service.holder
    _check_model(name)
    if holder.is_ready:
        _check_version(holder.version, version)
    return answers.serving_status(max(1, holder.version), holder.is_ready)


def model_metadata(name, version=None):
    """Describe the model's signature."""
    _check_model(name)
    with _classifier().service.model() as predictor:
        _check_version(predictor.version, version)
        return answers.serving_metadata(_config().name, predictor)


def predict(name, version=None):
    """Answer `instances` with `predictions`, or `inputs` with `outputs`."""
    _check_model(name)
    _check_version(_classifier().service.holder.version, version)
    sent, by_column = request_bodies.for_predict(flask.request)
    answer = _classified(sent, 1)
    for number, result in enumerate(answer.results, 1):
        if refusal := result.refusal:
            message = f'instance {number}: {refusal.message}'
            wait = refusal.retry_after_secs
            raise Refusal(refusal.status, refusal.kind, message, retry_after_secs=wait)
    return answers.serving_predictions(answer, by_column)


def _check_model(name):
    if name != _config().name:
        raise Refusal(404, 'model', f'the model of this server is {_config().name}')


def _check_version(current, asked):
    if asked is not None and asked != str(current):
        raise Refusal(404, 'version', f'version {current} is served')


# The page.


def page():
    """Show the page, with results if a form was posted, which works without JavaScript."""
    if flask.request.method != 'POST':  # GET, or the HEAD of a link checker.
        return _page()
    sent = request_bodies.files(flask.request)
    answer = _classified(sent, _config().num_top_predictions, cards.PREVIEW_SIDE)
    return _page(answer=answer)


def _page(answer=None, refusal=None):
    language = _language()
    config, request = _config(), flask.request
    body = flask.render_template(
        'page.html',
        **page_content.of_server(config, language, _classifier().guard.needs_key),
        **page_content.of_results(answer, refusal, language),
        name=config.name if flask.g.has_key else '',
        model=_model_for_page(),
        address=page_content.api_address(
            request.headers, request.remote_addr or '', config.trusted_proxy
        ),
    )
    problem = refusal or (answer and answer.refusal)
    response = flask.make_response(body, problem.status if problem else 200)
    response.headers.update(problem.headers() if problem else {})
    response.headers['Content-Language'] = translations.TAGS[language]
    response.headers['Vary'] = 'Accept-Language'
    return response


def _model_for_page():
    """Describe the model, or return None if none is ready or the visitor has no valid key."""
    if not flask.g.has_key:
        return None
    try:
        with _classifier().service.model() as predictor:
            return answers.model_json(predictor, _config().name)
    except Refusal:
        return None


def _language():
    """Return the requested language, else the browser's, else English."""
    tags = (tag for tag, _ in flask.request.accept_languages)  # The preferred one first.
    return translations.choose(flask.request.args.get('lang'), *tags)
