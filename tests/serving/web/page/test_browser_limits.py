"""In a browser, a cat is of none of the classes, and a flower is of one class or of several."""

import io

import numpy as np
import pytest
from PIL import Image

from classifiers.verdicts import Verdict
from datasets.samples import sample_unknowns
from serving.model.model_options import ModelOptions
from serving.model.predictor import Predictor
from serving.web.service import OnlyModel
from support.files import remembering_model
from support.network import live_servers, shown_pages
from support.network.fake_models import LIMITS, FakeHolder, FakePredictor

pytestmark = shown_pages.NEEDS_BROWSER

GREY = {'light': 'rgb(169, 174, 187)', 'dark': 'rgb(86, 92, 108)'}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('limits')


@pytest.fixture(scope='module')
def live(folder):
    """Serve a real classifier, and write a cat and a copy of a rose that it knows."""
    model = remembering_model.write(folder)
    (folder / 'cat.jpg').write_bytes(sample_unknowns.draw_unknown('cat', 0))
    with Image.open(io.BytesIO(model.flowers['roses'][0])) as rose:
        rose.save(folder / 'rose.jpg', quality=60)
    with (
        Predictor(ModelOptions(model.path)) as predictor,
        live_servers.running(OnlyModel(predictor)) as server,
    ):
        yield server


@pytest.fixture
def page(window):
    window.screen(1000, 900)
    window.prefer('prefers-color-scheme', 'light')
    return window


@pytest.mark.parametrize('script', [True, False])
@pytest.mark.parametrize(
    ('language', 'unknown', 'most_like', 'unusual'),
    [
        (
            'en',
            'None of these classes',
            'most like ',
            'more unusual than 99% of the pictures of these classes',
        ),
        ('zh', '不属于任何已知类别', '最像 ', '比这些类别中 99% 的图片更不寻常'),
        (
            'ko',
            '해당하는 클래스 없음',
            '에 가장 가까움',
            '이 클래스들의 사진 99%보다 더 특이함',
        ),
    ],
)
def test_a_cat_is_of_no_class_and_a_rose_is(
    page, live, folder, script, language, unknown, most_like, unusual
):
    names = ('cat.jpg', 'rose.jpg')
    cat, rose = shown_pages.classified(page, live, folder, *names, script=script, language=language)
    assert cat['kind'] == 'card unknown'
    assert cat['headline'][::2] == [unknown, unusual]
    assert most_like in cat['headline'][1]
    assert any(kind in cat['headline'][1] for kind in remembering_model.KINDS)
    assert set(cat['bars']) == {GREY['light']}
    assert rose['kind'] == 'card'
    assert rose['headline'] == []
    assert rose['classes'][0][0] == 'class best'
    assert rose['classes'][0][1].startswith('roses 9')
    assert GREY['light'] not in rose['bars']


NO_SETS = {**LIMITS, 'sets': {}}
CASES = (  # Language, calibrated probabilities, whether known, limits, the kind of the card.
    ('en', (0.9, 0.05, 0.03, 0.02, 0), True, LIMITS, 'card'),
    ('en', (0.5, 0.4, 0.05, 0.03, 0.02), True, LIMITS, 'card several'),
    ('zh', (0.26, 0.26, 0.255, 0.2, 0.025), True, LIMITS, 'card several'),
    ('ko', (0.251, 0.2505, 0.25, 0.25, 0), True, LIMITS, 'card several'),
    ('zh', (0.5, 0.4, 0.05, 0.03, 0.02), False, LIMITS, 'card unknown'),
    ('ko', (0.9, 0.05, 0.03, 0.02, 0), False, LIMITS, 'card unknown'),
    ('zh', (0.5, 0.4, 0.05, 0.03, 0.02), True, NO_SETS, 'card unsure'),
    ('ko', (0.9, 0.05, 0.03, 0.02, 0), True, NO_SETS, 'card'),
    ('en', (0.991, 0.008, 0.001, 0, 0), True, LIMITS, 'card'),
)


@pytest.mark.parametrize(('language', 'calibrated', 'is_known', 'limits', 'kind'), CASES)
def test_the_script_and_the_form_say_the_same(
    page, folder, language, calibrated, is_known, limits, kind
):
    Image.new('RGB', (64, 48)).save(folder / 'one.png')
    verdict = Verdict(np.array(calibrated, np.float32), 1.5, 0.0449, is_known)
    row = np.array(calibrated) ** 2 / np.sum(np.array(calibrated) ** 2)
    labels = ('daisy', '<i>roses</i>', '튤립', '蒲公英', 'tulips')
    predictor = FakePredictor(labels=labels, row=row, verdict=verdict, limits=limits)
    with live_servers.running(FakeHolder(predictor)) as live:
        by_script, by_form = (
            shown_pages.classified(page, live, folder, 'one.png', script=script, language=language)
            for script in (True, False)
        )
    assert by_script == by_form
    assert by_script[0]['kind'] == kind


ANNOUNCED = (
    (
        True,
        'one.png: a or b, one of these, at 90%.',
        'one.png：a 或 b，有 90% 的把握是其中之一.',
        'one.png: a 또는 b, 90% 확률로 이 중 하나.',
    ),
    (
        False,
        'one.png: none of these classes, most like a.',
        'one.png：不属于任何已知类别，最像 a.',
        'one.png: 해당하는 클래스 없음, a에 가장 가까움.',
    ),
)


@pytest.mark.parametrize(('is_known', *shown_pages.LANGUAGES), ANNOUNCED)
def test_it_is_read_aloud(page, folder, is_known, en, zh, ko):
    Image.new('RGB', (64, 48)).save(folder / 'one.png')
    verdict = Verdict(np.array((0.5, 0.4, 0.1), np.float32), 1.5, 0.03, is_known)
    predictor = FakePredictor(labels='abc', row=(0.6, 0.3, 0.1), verdict=verdict)
    with live_servers.running(FakeHolder(predictor)) as live:
        for language, words in zip(shown_pages.LANGUAGES, (en, zh, ko), strict=True):
            shown_pages.classified(page, live, folder, 'one.png', language=language)
            assert page.texts('#status') == [words]


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('width', [360, 1000])
def test_greyed_results_can_be_read(page, live, folder, scheme, width):
    page.screen(width, 740, is_phone=width == 360)
    page.prefer('prefers-color-scheme', scheme)
    cat, _ = shown_pages.classified(page, live, folder, 'cat.jpg', 'rose.jpg')
    found = shown_pages.contrasts(page)
    assert {'statement', 'note'} <= {place for _, place, _, _ in found}
    assert not [each for each in found if each[0] < 4.5]
    assert set(cat['bars']) == {GREY[scheme]}
    assert page.run('return document.documentElement.scrollWidth') <= width


@pytest.mark.parametrize('limits', [LIMITS, NO_SETS])
def test_the_script_and_the_form_give_the_same_csv(page, folder, tmp_path, limits):
    Image.new('RGB', (64, 48)).save(folder / 'one.png')
    (folder / 'notes.txt').write_text('no picture')
    verdict = Verdict(np.array((0.5, 0.375, 0.125), np.float32), -1.25, 0.3, True)
    labels = ('=cmd()', 'a,"b"', '데이지')
    predictor = FakePredictor(labels=labels, row=(0.6, 0.3, 0.1), verdict=verdict, limits=limits)
    found = []
    with live_servers.running(FakeHolder(predictor)) as live:
        for script in (True, False):
            shown_pages.classified(page, live, folder, 'one.png', 'notes.txt', script=script)
            found.append(page.download('#csv', tmp_path / 'results.csv'))
    assert found[0] == found[1]
    assert found[0].splitlines()[0].endswith(',is_known,p_known,unknown_score,likely')
    assert ',true,0.3,-1.25,' in found[0]
