"""What a browser shows of the page, and how a visitor uses it."""

import os

import pytest

from support.network import browser

_IN_CI = os.environ.get('CI') == 'true'
NEEDS_BROWSER = pytest.mark.skipif(
    bool(browser.missing()) and not _IN_CI, reason=f'not installed: {browser.missing()}'
)

LANGUAGES = ('en', 'zh', 'ko')

# True when as many cards as given have their results.
FINISHED = (
    'const cards = [...document.querySelectorAll(".card")];'
    'return cards.length >= arguments[0] && cards.every((c) => !c.matches(".waiting"))'
)
_TEXTS = (
    'h1, .lead, .limits, .choose, .label, .percent, .name, .time, .problem, .doubt, .statement,'
    ' .note, .others .label, summary, .known li, figcaption, pre, #programs a, footer,'
    ' .languages a'
)


def choose(page, folder, *names):
    """Choose files of a folder."""
    page.type('#pictures', '\n'.join(str(folder / name) for name in names))


def classified(page, live, folder, *names, script=True, language='en'):
    """Open the page of a server, classify files, and return `seen`."""
    page.command('Emulation.setScriptExecutionDisabled', value=not script)
    page.open(f'http://127.0.0.1:{live.port}/?lang={language}')
    choose(page, folder, *names)
    if not script:
        page.click('#submit')
    page.command('Emulation.setScriptExecutionDisabled', value=False)
    page.wait_until(FINISHED, len(names))
    return seen(page)


def seen(page):
    """List what each card shows.

    `kind` has its classes of CSS, `headline` the lines above the bars, `classes` pairs of the CSS
    classes and the text of a line, `bars` the colours.
    """
    return page.run(
        'const all = (card, places) => [...card.querySelectorAll(places)];'
        'return [...document.querySelectorAll("#cards .card")].map((card) => ({'
        '  kind: card.className,'
        '  headline: all(card, ".statement, .note").map((line) => line.innerText),'
        '  classes: all(card, ".class").map((row) => '
        '    [row.className.trim(), row.innerText.split(/\\s+/).join(" ")]),'
        '  bars: all(card, "rect").map((bar) => getComputedStyle(bar).fill) }))'
    )


def contrasts(page):
    """List (contrast, CSS class, colour, colour of the ground) of every text."""
    found = page.run(
        'const ground = (e) => { const c = getComputedStyle(e).backgroundColor;'
        '  return c === "rgba(0, 0, 0, 0)" ? ground(e.parentElement) : c };'
        'return [...document.querySelectorAll(arguments[0])].map('
        '  (e) => [e.className || e.tagName, getComputedStyle(e).color, ground(e)])',
        _TEXTS,
    )
    return [(_contrast(text, ground), place, text, ground) for place, text, ground in found]


def _contrast(*colours):
    """Return the contrast of two colours (WCAG 2.2)."""
    dark, light = sorted(map(_luminance, colours))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour):
    numbers = [int(number) / 255 for number in colour[colour.index('(') + 1 : -1].split(',')[:3]]
    linear = [n / 12.92 if n <= 0.03928 else ((n + 0.055) / 1.055) ** 2.4 for n in numbers]
    return sum(share * n for share, n in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
