"""The page says when a picture is of no class, or of one of several, in three languages."""

import html
import re

import numpy as np
import pytest

from classifiers.verdicts import Verdict
from serving.web.page import headlines, translations
from support.network.fake_models import LIMITS, FakeHolder, FakePredictor
from support.network.pages import JPEG, client, post

LANGUAGES = ('en', 'zh', 'ko')


def verdict(*calibrated, is_known=True, p_known=0.3):
    return Verdict(np.array(calibrated, np.float32), 0.5, p_known, is_known)


def card(language, verdict=None, labels='abc', row=(0.9, 0.07, 0.03), limits=LIMITS):
    """Return the HTML of a card that is made without JavaScript."""
    holder = FakeHolder(FakePredictor(labels=labels, row=row, verdict=verdict, limits=limits))
    text = post(client(holder), (JPEG, 'one.jpg'), path=f'/?lang={language}').text
    return re.search(r'<article .*?</article>', text, re.DOTALL)[0]


def said(card):
    """List the statement and the notes of a card."""
    found = re.findall(r'<p class="(?:statement|note)">(.*?)</p>', card)
    return [html.unescape(each) for each in found]


def percentages(card):
    return re.findall(r'class="percent"[^>]*>([^<]+)<', card)


@pytest.mark.parametrize(
    ('language', 'words'),
    [
        (
            'en',
            [
                'None of these classes',
                'most like a',
                'more unusual than 97% of the pictures of these classes',
            ],
        ),
        ('zh', ['不属于任何已知类别', '最像 a', '比这些类别中 97% 的图片更不寻常']),
        (
            'ko',
            ['해당하는 클래스 없음', 'a에 가장 가까움', '이 클래스들의 사진 97%보다 더 특이함'],
        ),
    ],
)
def test_a_picture_of_no_class_is_called_so(language, words):
    found = card(language, verdict(0.6, 0.3, 0.1, is_known=False, p_known=0.03))
    assert '<article class="card unknown">' in found
    assert said(found) == words
    assert percentages(found) == ['60.0%', '30.0%', '10.0%']
    assert 'class best' not in found
    assert 'doubt' not in found


@pytest.mark.parametrize(
    ('language', 'words'),
    [
        ('en', ['a or b', 'one of these, at 90%']),
        ('zh', ['a 或 b', '有 90% 的把握是其中之一']),
        ('ko', ['a 또는 b', '90% 확률로 이 중 하나']),
    ],
)
def test_a_picture_of_one_of_several_classes_names_them(language, words):
    found = card(language, verdict(0.6, 0.3, 0.1))
    assert '<article class="card several">' in found
    assert said(found) == words
    assert found.count('<li class="class likely">') == 2
    assert percentages(found) == ['60.0%', '30.0%', '10.0%']
    assert 'doubt' not in found


def test_a_picture_of_one_class_has_its_calibrated_percentage():
    found = card('en', verdict(0.76, 0.14, 0.1))
    assert '<article class="card">' in found
    assert said(found) == []
    assert percentages(found) == ['76.0%', '14.0%', '10.0%']


def test_without_prediction_sets_an_answer_may_be_unsure():
    found = card('en', verdict(0.4, 0.35, 0.25), limits={**LIMITS, 'sets': {}})
    assert '<article class="card unsure">' in found
    assert said(found) == []


def test_without_limits_nothing_changes():
    found = card('en')
    assert '<article class="card">' in found
    assert said(found) == []
    assert percentages(found) == ['90.0%', '7.0%', '3.0%']


def test_a_label_in_a_statement_stays_text():
    found = card('en', verdict(0.6, 0.3, 0.1), labels=['<i>a', '<i>b', 'c'])
    assert '<i>' not in found
    assert said(found)[0] == '<i>a or <i>b'


@pytest.mark.parametrize('language', LANGUAGES)
@pytest.mark.parametrize(
    ('labels', 'expected'),
    [
        ('abc', {'en': 'a, b or c', 'zh': 'a、b 或 c', 'ko': 'a, b 또는 c'}),
        (
            'abcd',
            {'en': 'a, b or 2 more', 'zh': 'a、b 或另外 2 个类别', 'ko': 'a, b 또는 다른 2개'},
        ),
        (
            'abcdefghij',
            {'en': 'a, b or 8 more', 'zh': 'a、b 或另外 8 个类别', 'ko': 'a, b 또는 다른 8개'},
        ),
    ],
)
def test_many_classes_are_counted(language, labels, expected):
    found = headlines.one_of(tuple(labels), translations.sentences(language))
    assert found == expected[language]


@pytest.mark.parametrize(
    ('p_known', 'percent'),
    [(0.05, 95), (np.float32(0.05), 95), (0.004, 99), (0.0, 99), (0.5, 50), (1.0, 0)],
)
def test_no_picture_is_more_unusual_than_all(p_known, percent):
    assert headlines.usual_percent(p_known) == percent
