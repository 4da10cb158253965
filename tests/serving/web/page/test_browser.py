"""The page in a real browser: files chosen, dropped and pasted, without JavaScript, and on a phone.

Needs chromium and chromedriver (Debian: apt install chromium chromium-driver).
"""

import pytest
from PIL import Image

from serving.web.server_options import AppConfig
from support.network import live_servers, shown_pages
from support.network.fake_models import FakeHolder, FakePredictor
from support.network.shown_pages import FINISHED, choose

MARKUP = '<img src=x onerror="window.attacked=1">'
NAME = '<img src=x onerror=window.attacked=1>.png'
LABELS = ('daisy', 'roses', MARKUP)

pytestmark = shown_pages.NEEDS_BROWSER


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('browser')
    for number, name in enumerate(('one.png', 'two.png', NAME)):
        Image.new('RGB', (64, 48), (80 * number, 120, 200)).save(folder / name)
    (folder / 'notes.txt').write_text('no picture')
    return folder


@pytest.fixture(scope='module')
def live():
    holder = FakeHolder(FakePredictor(labels=LABELS))
    with live_servers.running(holder, AppConfig(name='flowers')) as server:
        yield server


@pytest.fixture
def page(window, live):
    """Show the page afresh, and let nothing pass that the policy or the script complains of."""
    window.screen(1000, 900)
    window.command('Emulation.setScriptExecutionDisabled', value=False)
    window.open(f'http://127.0.0.1:{live.port}/')
    return window


def assert_classified(page, *names):
    page.wait_until(FINISHED, len(names))
    assert page.texts('.card .name') == list(names)
    assert page.texts('.card:first-child .label') == list(reversed(LABELS))
    assert page.texts('.card:first-child .percent') == ['44.4%', '33.3%', '22.2%']
    widths = page.run(
        'return [...document.querySelectorAll(".card:first-child rect")]'
        '.map((e) => e.getBoundingClientRect().width)'
    )
    assert widths[0] > widths[1] > widths[2] > 0
    assert not page.run('return window.attacked')


def test_a_chosen_file_gets_its_bars(page, folder):
    choose(page, folder, 'one.png')
    assert_classified(page, 'one.png')
    assert page.run('return document.querySelector(".preview").naturalWidth') == 64
    assert page.texts('.card .time')[0].endswith('ms')


def test_two_dropped_files_are_shown_in_order(page, folder):
    page.drop('#drop', [folder / 'one.png', folder / 'two.png'])
    assert_classified(page, 'one.png', 'two.png')
    page.click('#clear')
    assert page.texts('.card') == []


def test_a_pasted_picture_is_classified(page):
    page.run(
        'const data = new DataTransfer();'
        'const canvas = document.createElement("canvas");'
        'canvas.toBlob((blob) => {'
        '  data.items.add(new File([blob], "pasted.png", {type: "image/png"}));'
        '  document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data}));'
        '})'
    )
    assert_classified(page, 'pasted.png')


def test_a_bad_file_says_so_beside_a_good_one(page, folder):
    choose(page, folder, 'notes.txt', 'one.png')
    page.wait_until(FINISHED, 2)
    assert 'not a picture' in page.texts('.card:first-child .problem')[0]
    assert page.texts('.card:last-child .label')


def test_markup_in_labels_and_names_stays_text(page, folder):
    choose(page, folder, NAME)
    assert_classified(page, NAME)
    assert page.run('return document.querySelectorAll("#cards img").length') == 1
    assert MARKUP in page.texts('#status')[0]


def test_the_form_works_without_javascript(page, live, folder):
    page.command('Emulation.setScriptExecutionDisabled', value=True)
    page.open(f'http://127.0.0.1:{live.port}/')
    choose(page, folder, 'one.png', NAME)
    page.click('#submit')
    page.command('Emulation.setScriptExecutionDisabled', value=False)
    assert_classified(page, 'one.png', NAME)
    assert page.run('return document.querySelectorAll("#cards img").length') == 2


def test_a_phone_shows_it_without_scrolling_sideways(page, live, folder):
    page.screen(360, 740, is_phone=True)
    page.open(f'http://127.0.0.1:{live.port}/')
    choose(page, folder, 'one.png', NAME)
    assert_classified(page, 'one.png', NAME)
    page.run('document.querySelector("#programs").open = true')
    assert page.run('return document.documentElement.scrollWidth') <= 360
    assert page.run('return getComputedStyle(document.querySelector(".camera")).display') != 'none'


def test_it_is_used_by_keyboard_and_read_aloud(page, folder):
    seen = []
    for _ in range(6):
        page.press('\ue004')  # Tab.
        seen.append(page.run('return document.activeElement.id'))
        if seen[-1] == 'pictures':
            break
    assert seen[-1] == 'pictures'
    outline = 'return getComputedStyle(document.activeElement.parentElement).outlineStyle'
    assert page.run(outline) == 'solid'
    choose(page, folder, 'one.png')
    assert_classified(page, 'one.png')
    assert page.texts('#status')[0].startswith('one.png: ')
    unnamed = (
        'return [...document.querySelectorAll("input, button, a, img:not([alt=\'\'])")].filter('
        '(e) => !(e.labels?.[0]?.textContent || e.textContent || e.alt).trim()).length'
    )
    assert page.run(unnamed) == 0


ROWS = (
    ('card', (0.98, 0.01, 0.01, 0, 0)),
    ('card unsure', (0.445, 0.29, 0.25, 0.009, 0.006)),
    ('card unsure', (0.52, 0.47, 0.0096, 0.0004, 0)),
    ('card', (0.6003, 0.2, 0.1, 0.0497, 0.05)),
    ('card unsure', (0.004, *[0.996 / 999] * 999)),
)


@pytest.mark.parametrize(('kind', 'row'), ROWS)
def test_the_script_and_the_form_show_the_same(page, folder, kind, row):
    labels = [f'class {number}' for number in range(len(row))]
    with live_servers.running(FakeHolder(FakePredictor(labels=labels, row=row))) as live:
        by_script = shown_pages.classified(page, live, folder, 'one.png')
        by_form = shown_pages.classified(page, live, folder, 'one.png', script=False)
    assert by_script == by_form
    (card,) = by_script
    assert card['kind'] == kind
    assert ('unsure' in card['classes'][0][1]) == ('unsure' in kind)


def test_the_script_and_the_form_give_the_same_csv(page, folder, tmp_path):
    labels = ('=cmd()', 'a,"b"', '데이지')
    for name in ('=1.png', '한,국.png'):
        (tmp_path / name).write_bytes((folder / 'one.png').read_bytes())
    (tmp_path / 'notes.txt').write_text('no picture')
    names = ('=1.png', '한,국.png', 'notes.txt')
    with live_servers.running(FakeHolder(FakePredictor(labels=labels))) as live:
        shown_pages.classified(page, live, tmp_path, *names)
        by_script = page.download('#csv', tmp_path / 'results.csv')
        shown_pages.classified(page, live, tmp_path, *names, script=False)
        by_form = page.download('#csv', tmp_path / 'results.csv')
    assert by_script == by_form
    assert by_script.startswith('\ufefffile,error,class_1,')
    assert '\n./=1.png,,데이지,0.4444444,"a,""b""",0.3333333,\'=cmd(),' in by_script


def test_there_is_no_csv_until_something_is_classified(page, folder):
    assert page.run('return document.querySelector("#csv").hidden')
    choose(page, folder, 'notes.txt')
    page.wait_until(FINISHED, 1)
    assert page.run('return document.querySelector("#csv").hidden')


COPIED = 'return document.querySelector("#status").textContent'


@pytest.mark.parametrize('has_clipboard', [True, False])
def test_examples_are_copied_with_and_without_a_clipboard(page, live, has_clipboard):
    if not has_clipboard:
        page.run('Object.defineProperty(navigator, "clipboard", { value: undefined })')
    page.run(
        'document.addEventListener("copy", () => { window.copied = String(getSelection()) });'
        'document.querySelector("#programs").open = true'
    )
    page.click('.copy')
    page.wait_until(COPIED)
    assert page.texts('#status')[0].startswith('Copied')
    address = f'"http://127.0.0.1:{live.port}/api/classify"'
    assert address in page.texts('code')[0]
    if not has_clipboard:
        assert page.run('return window.copied').strip() == page.texts('code')[0]


def test_an_example_that_cannot_be_copied_is_selected(page):
    page.run(
        'navigator.clipboard.writeText = () => Promise.reject(new Error());'
        'document.execCommand = () => false;'
        'document.querySelector("#programs").open = true'
    )
    page.click('.copy')
    page.wait_until(COPIED)
    assert 'Ctrl+C' in page.texts('#status')[0]
    assert page.run('return String(getSelection())').strip() == page.texts('code')[0]


@pytest.mark.parametrize('keys', [(), ('0123456789abcdef',)])
def test_the_page_learns_the_model_with_the_first_answer(page, folder, keys):
    holder = FakeHolder(FakePredictor(labels=LABELS), is_ready=False)
    with live_servers.running(holder, AppConfig(api_keys=keys)) as live:
        page.open(f'http://127.0.0.1:{live.port}/')
        assert page.run('return document.querySelector("#known").hidden')
        holder.is_ready = True
        for key in keys:
            page.type('#key', key)
        choose(page, folder, 'one.png')
        page.wait_until(FINISHED, 1)
    assert page.texts('#known li') == list(LABELS)
    assert page.texts('#known summary') == ['3 classes']
    assert page.texts('#model') == ['lenet · 3 classes · version 1']


def test_the_classes_of_a_model_that_was_exchanged_are_counted_anew(page, folder):
    with live_servers.running(FakeHolder(FakePredictor(labels='ab', row=(0.99, 0.01)))) as live:
        page.open(f'http://127.0.0.1:{live.port}/')
        row = (0.99, *[0.001] * 10)
        live.holder.predictor = FakePredictor(labels='abcdefghijk', version=2, row=row)
        choose(page, folder, 'one.png')
        page.wait_until(FINISHED, 1)
        assert page.texts('.others .label') == ['Others (10)']


@pytest.mark.parametrize('width', [360, 1280])
def test_a_preview_shows_the_whole_picture(page, tmp_path, width):
    sizes = {'portrait.png': (40, 120), 'panorama.png': (300, 20), 'tiny.png': (20, 20)}
    for name, size in sizes.items():
        Image.new('RGBA', size).save(tmp_path / name)
    page.screen(width, 800)
    choose(page, tmp_path, *sizes)
    page.wait_until(FINISHED, len(sizes))
    found = page.run(
        'const box = (e) => { const b = e.getBoundingClientRect();'
        '  return [b.left, b.top, b.right, b.bottom] };'
        'return [...document.querySelectorAll(".preview")].map((image) => {'
        '  const style = getComputedStyle(image);'
        '  return [style.objectFit, style.backgroundImage, box(image.parentElement), box(image)] })'
    )
    assert len(found) == len(sizes)
    for fit, ground, frame, image in found:
        assert fit == 'contain'
        assert 'gradient' in ground
        assert frame[0] <= image[0] < image[2] <= frame[2]
        assert frame[1] <= image[1] < image[3] <= frame[3]


def test_a_long_name_does_not_push_the_languages_away(page):
    with live_servers.running(config=AppConfig(name='my_inception_v4_' * 4)) as live:
        page.screen(360, 740, is_phone=True)
        page.open(f'http://127.0.0.1:{live.port}/')
        boxes = page.run(
            'return [".brand > span", ".languages"].map((place) => {'
            '  const b = document.querySelector(place).getBoundingClientRect();'
            '  return [b.left, b.top, b.right, b.bottom] })'
        )
        assert page.run('return document.documentElement.scrollWidth') <= 360
    name, languages = boxes
    assert name[2] <= languages[0]
    assert languages[2] <= 360
    assert name[1] < languages[3]
    assert languages[1] < name[3]


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_text_stands_out_from_its_ground(page, folder, scheme):
    page.prefer('prefers-color-scheme', scheme)
    choose(page, folder, 'one.png', 'notes.txt')
    page.wait_until(FINISHED, 2)
    page.run('document.querySelector("#programs").open = true')
    found = shown_pages.contrasts(page)
    page.prefer('prefers-color-scheme', 'light')
    assert len(found) > 10
    assert not [each for each in found if each[0] < 4.5]


def test_nothing_is_loaded_from_elsewhere(page, live, folder):
    choose(page, folder, 'one.png')
    assert_classified(page, 'one.png')
    loaded = page.run('return performance.getEntriesByType("resource").map((e) => e.name)')
    assert loaded
    for address in loaded:
        assert address.removeprefix('blob:').startswith(f'http://127.0.0.1:{live.port}/')
