"""Read the pictures of a request and what it asks for, in each form that a client may send."""

from serving.web import json_bodies, uploads
from serving.web.refusals import Refusal


def wants_csv(request):
    """Tell whether the client asks for CSV, by `?format=` or by the Accept header."""
    kinds = {'json': 'application/json', 'csv': 'text/csv'}
    asked = request.args.get('format')
    if asked not in (None, *kinds):
        raise Refusal(400, 'format', 'format: must be json or csv')
    accepted = request.accept_mimetypes.best_match(kinds.values())
    return asked == 'csv' or (asked is None and accepted == kinds['csv'])


def for_classify(request, default_count):
    """Return (Uploads, number of classes to answer with) of a form, JSON or a single picture."""
    count = uploads.count(request.args.get('top'), default_count)
    if request.mimetype == 'multipart/form-data':
        return files(request), uploads.count(_single_field('top', request.form), count)
    if request.is_json:
        content = json_bodies.parse(request.get_data(cache=False))
        return uploads.from_json(content), uploads.count(content.get('top'), count)
    data = request.get_data(parse_form_data=False)
    name = uploads.clean_name(request.args.get('name'))
    return ([uploads.Upload(data, name)] if data else []), count


def _single_field(name, form):
    """Return the value of a form's field, or None; refuse a field that occurs more than once."""
    values = form.getlist(name)
    if len(values) > 1:
        raise Refusal(400, 'form', f'the form has {len(values)} fields {name}')
    return values[0] if values else None


def files(request):
    """List the Uploads of a form; file fields without a file are left out."""
    sent = [
        (uploads.clean_name(file.filename), file.stream.read())
        for _, file in request.files.items(multi=True)
    ]
    return [uploads.Upload(data, name) for name, data in sent if name or data]


def for_predict(request):
    """Return (Uploads, whether to answer in columns) of TensorFlow Serving's JSON."""
    content = json_bodies.parse(request.get_data(cache=False))
    return uploads.from_predict(content), 'inputs' in content
