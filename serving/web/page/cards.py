"""Turn an Answer into the cards of the page, one for each picture."""

import base64

from serving import csv_rows
from serving.web.page import headlines, shown_classes, translations

PREVIEW_SIDE = 480


def of_answer(answer, language):
    """Return what the page shows of each picture."""
    sentences = translations.sentences(language)
    milliseconds = max(1, round(1000 * answer.seconds / len(answer.results)))
    return [
        {
            'name': result.name or sentences['unnamed'].format(number=number),
            'preview': _as_address(result.preview),
            'time': sentences['time'].format(milliseconds=milliseconds),
            'predictions': result.predictions,
            'verdict': result.verdict,
            'likely': result.likely,
            **_outcome(result, len(answer.labels), language),
        }
        for number, result in enumerate(answer.results, 1)
    ]


def _outcome(result, num_classes, language):
    """Return what a card says of its picture."""
    if result.refusal:
        problem = translations.for_refusal(result.refusal, language)
        return {'problem': problem, 'shown': None, 'headline': None}
    shown = shown_classes.choose(result.predictions, num_classes, result.verdict, result.likely)
    headline = headlines.of_classes(shown, result.verdict, translations.sentences(language))
    return {'problem': '', 'shown': shown, 'headline': headline}


def csv_link(cards):
    """Return the results on the page as a data URL with a CSV file, or '' if there are none."""
    names = ('name', 'problem', 'predictions', 'verdict', 'likely')
    rows = [[card[name] for name in names] for card in cards]
    if not any(card['shown'] for card in cards):
        return ''
    return _data_url('text/csv;charset=utf-8', csv_rows.document(rows).encode('utf-8-sig'))


def _as_address(jpeg):
    """Return a picture as a data URL, or '' if there is none."""
    return _data_url('image/jpeg', jpeg) if jpeg else ''


def _data_url(kind, data):
    return f'data:{kind};base64,{base64.b64encode(data).decode("ascii")}'
