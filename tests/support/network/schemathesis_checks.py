"""What Schemathesis checks beside its own, loaded by its SCHEMATHESIS_HOOKS."""

import schemathesis
from schemathesis.generation import GenerationMode

# Text and numbers that fit the description may still be no picture.
_OF_PICTURES = (
    ' is not valid base64',
    'the file is empty',
    'truncated or damaged',
    'not a picture',
)


@schemathesis.hook
def filter_body(_, body):
    """Leave out what a form cannot say: it holds text and bytes, and an empty list is nothing."""
    if not isinstance(body, dict):
        return True
    pictures = body.get('pictures', [])
    is_form = isinstance(pictures, list) and all(isinstance(each, bytes) for each in pictures)
    return is_form and not isinstance(body.get('top'), (list, dict))


@schemathesis.check
def takes_what_is_described(_, response, case):
    """Fail where a request that fits the description is refused for anything but its pictures."""
    is_described = case.meta and case.meta.generation.mode == GenerationMode.POSITIVE
    if not is_described or response.status_code != 400:
        return
    error = response.json()['error']
    message = error if isinstance(error, str) else error['message']
    assert any(words in message for words in _OF_PICTURES), message
