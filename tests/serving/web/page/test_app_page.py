"""The page works without JavaScript, in three languages, and takes nothing for markup."""

import io
import re
import string

import pytest

from serving.web.page import translations
from support.checkout import ROOT
from support.network.fake_models import FakeHolder, FakePredictor
from support.network.pages import JPEG, client, post

MARKUP = '"><script>alert(1)</script>'


def test_a_plain_form_shows_the_classes_of_each_picture():
    answer = post(client(), (JPEG, 'one.jpg'), (JPEG, 'two.jpg'))
    assert answer.status_code == 200
    assert answer.text.index('one.jpg') < answer.text.index('two.jpg')
    values = re.findall(r'<data class="percent" value="([\d.]+)">([\d.]+)%</data>', answer.text)
    shown = [(float(value), percent) for value, percent in values[:3]]
    assert [percent for _, percent in shown] == ['44.4', '33.3', '22.2']
    assert shown[0][0] == pytest.approx(2 / 4.5, abs=1e-6)
    assert answer.text.count('src="data:image/jpeg;base64,') == 2


@pytest.mark.parametrize(
    ('language', 'unsure', 'others'),
    [
        ('en', 'unsure', 'Others (2)'),
        ('zh', '不确定', '其他（2 个）'),
        ('ko', '불확실', '기타 (2개)'),
    ],
)
def test_an_unsure_answer_says_so_and_rare_classes_fold(language, unsure, others):
    predictor = FakePredictor(labels='abcde', row=(0.445, 0.29, 0.25, 0.009, 0.006))
    sent = {'pictures': (io.BytesIO(JPEG), 'one.jpg')}
    text = client(FakeHolder(predictor)).post(f'/?lang={language}', data=sent).text
    card = re.search(r'<article class="card unsure">.*?</article>', text, re.DOTALL)[0]
    assert re.findall(r'class="label">([^<]+)<', card) == ['a', 'b', 'c', others]
    assert re.findall(r'class="percent"[^>]*>([^<]+)<', card) == ['44.5%', '29.0%', '25.0%', '1.5%']
    assert f'<span class="doubt">{unsure}</span>' in card
    predictor.row = (0.98, 0.01, 0.01, 0, 0)
    sent = {'pictures': (io.BytesIO(JPEG), 'one.jpg')}
    text = client(FakeHolder(predictor)).post(f'/?lang={language}', data=sent).text
    assert '<article class="card">' in text
    assert 'card unsure' not in text


def test_names_and_labels_stay_text():
    holder = FakeHolder(FakePredictor(labels=[MARKUP, '{{ 7 * 7 }}']))
    text = post(client(holder, name='model'), (JPEG, f'{MARKUP}.jpg')).text
    assert '<script>alert' not in text
    assert '&lt;script&gt;alert(1)' in text
    assert '{{ 7 * 7 }}' in text
    inline = [tag for tag in re.findall(r'<script[^>]*>', text) if 'src=' not in tag]
    assert inline == ['<script type="application/json" id="sentences">']
    assert ' style=' not in text
    assert not re.search(r'\son\w+=', text)
    assert not re.search(r'(src|href)="(https?:)?//', text)


@pytest.mark.parametrize(
    ('files', 'status', 'words'),
    [
        ((), 400, 'Please choose a picture first.'),
        (((b'text', 'a.jpg'),), 415, 'not a picture that can be read'),
        (((JPEG[:700], 'a.jpg'),), 400, 'damaged'),
        (((JPEG, 'a.jpg'),) * 17, 413, 'At most 16 pictures'),
    ],
)
def test_the_page_says_what_is_wrong(files, status, words):
    answer = post(client(), *files)
    assert answer.status_code == status
    assert answer.mimetype == 'text/html'
    assert words in answer.text


@pytest.mark.parametrize(
    ('header', 'language'),
    [
        ('zh-CN,zh;q=0.9,en;q=0.8', 'zh'),
        ('zh-TW', 'zh'),
        ('ko', 'ko'),
        ('ko-KR,en;q=0.5', 'ko'),
        ('en-GB', 'en'),
        ('fr', 'en'),
        ('', 'en'),
        (';;;,,=', 'en'),
    ],
)
def test_the_browser_chooses_the_language(header, language):
    answer = client().get('/', headers={'Accept-Language': header})
    assert translations.sentences(language)['title'] in answer.text
    assert f'<html lang="{translations.TAGS[language]}">' in answer.text
    assert 'Accept-Language' in answer.headers['Vary']


def test_a_link_chooses_the_language_and_keeps_it_over_the_form():
    text = client().get('/?lang=ko').text
    assert '<html lang="ko">' in text
    assert 'action="?lang=ko"' in text
    assert '<html lang="en">' in client().get('/?lang=<script>').text


def gaps(sentence):
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_every_sentence_has_the_same_gaps_in_every_language():
    english = translations.sentences('en')
    for language in translations.LANGUAGES:
        for key, sentence in translations.sentences(language).items():
            assert sentence, key
            assert gaps(sentence) == gaps(english[key]), key


def test_a_key_is_asked_for_in_the_form():
    browser = client(api_keys=('0123456789abcdef',))
    assert 'type="password"' in browser.get('/').text
    refused = post(browser, (JPEG, 'a.jpg'), key='wrong')
    assert refused.status_code == 401
    assert 'A valid API key is required' in refused.text
    assert post(browser, (JPEG, 'a.jpg'), key='0123456789abcdef').status_code == 200


def test_a_strange_host_is_not_shown_the_page():
    answer = client().get('/', headers={'Host': 'evil.example'})
    assert (answer.status_code, answer.mimetype) == (403, 'application/json')


def test_a_page_that_breaks_says_so_once(monkeypatch):
    def broken(*_):
        raise RuntimeError('secret')

    monkeypatch.setattr('serving.web.page.cards.of_answer', broken)
    answer = post(client(), (JPEG, 'a.jpg'))
    assert answer.status_code == 500
    assert 'secret' not in answer.text


def test_the_head_of_the_page_is_that_of_the_page():
    answer = client().head('/')
    assert (answer.status_code, answer.data) == (200, b'')
    assert answer.content_type.startswith('text/html')


STATIC = ROOT / 'serving' / 'web' / 'static'


@pytest.mark.parametrize('name', sorted(path.name for path in STATIC.iterdir()))
def test_the_pages_own_files_are_there(name):
    answer = client().get(f'/static/{name}', buffered=True)
    assert answer.status_code == 200
    assert 'no-store' not in answer.headers['Cache-Control']
    assert 'http' not in answer.text.replace('http://www.w3.org/2000/svg', '')


@pytest.mark.parametrize('name', ['../app.py', '%2e%2e/app.py', '..%2fapp.py', '/etc/passwd'])
def test_no_other_file_is(name):
    assert client().get(f'/static/{name}').status_code == 404
