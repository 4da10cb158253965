"""Collect the values for the page's template."""

import re

from serving.web import security, uploads
from serving.web.page import cards, shown_classes, translations

# A host that is safe within the quotes of a shell command.
_HOST = re.compile(r'[\w.-]+(:\d+)?|\[[\da-f:.]+\](:\d+)?', re.ASCII | re.IGNORECASE)


def of_server(config, language, needs_key):
    """Return the values that do not depend on the request, in one language."""
    return {
        'sentences': translations.sentences(language),
        'language': language,
        'languages': translations.LANGUAGES,
        'tags': translations.TAGS,
        'config': config,
        'kinds': ', '.join(uploads.ALLOWED),
        'needs_key': needs_key,
        'rules': shown_classes.RULES,
        'percent': shown_classes.percent,
    }


def of_results(answer, refusal, language):
    """Return the values that show an Answer or a Refusal; either may be None."""
    shown = cards.of_answer(answer, language) if answer else []
    return {
        'cards': shown,
        'csv': cards.csv_link(shown),
        'problem': translations.for_refusal(refusal, language) if refusal else '',
    }


def api_address(headers, peer, trusted_proxy):
    """Return the address of `/api/classify` for the examples; page.js replaces it by its own."""
    is_proxy = security.same_address(peer, trusted_proxy)
    forwarded = headers if is_proxy else {}
    scheme = 'https' if forwarded.get('X-Forwarded-Proto', '').lower() == 'https' else 'http'
    host = forwarded.get('X-Forwarded-Host') or headers.get('Host', '')
    return f'{scheme}://{host if _HOST.fullmatch(host) else "localhost"}/api/classify'
