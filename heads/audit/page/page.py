"""Fill the page about an audit: a section for each kind of findings, with a few thumbnails."""

import dataclasses
import functools
import os

import jinja2

from common import files, text
from heads.audit import findings
from heads.audit.page import thumbnails

_HERE = os.path.dirname(__file__)
_MOST_CLASSES = 1000


@dataclasses.dataclass(frozen=True)
class Section:
    """A kind of findings on the page; `shown` are the first of its findings, in the same order."""

    kind: str
    title: str
    advice: str
    count: int
    crossing: str
    shown: list
    is_checked: bool

    @property
    def summary(self):
        """Return the number of findings in words."""
        if not self.is_checked:
            return 'not checked'
        return f'{self.count:,}' if self.count else 'none'


def write(path, collection, found, counted, most_thumbnails, left_out=(), notes=()):
    """Write the page. `counted` are the pictures [classes, splits], `left_out` kinds not checked.

    Its size is bounded: each section shows at most `most_thumbnails` findings.
    """
    uri = functools.cache(functools.partial(thumbnails.data_uri, collection))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters['shown'] = text.printable
    content = environment.get_template('page.html').render(
        collection=collection,
        sections=list(sections(found, most_thumbnails, left_out)),
        classes=_classes(collection, counted),
        class_count=len(collection.class_names),
        notes=notes,
        style=files.read_text(os.path.join(_HERE, 'page.css')),
        uri=lambda picture: '' if picture.number is None else uri(picture.number),
    )
    files.write_text(path, content)


def sections(found, most_thumbnails, left_out):
    """Yield a Section for each kind, also for those without a finding."""
    for kind, described in findings.KINDS.items():
        own = [finding for finding in found if finding.kind == kind]
        yield Section(
            kind,
            described.title,
            described.advice,
            len(own),
            findings.crossing(own),
            own[:most_thumbnails],
            kind not in left_out,
        )


def _classes(collection, counted):
    """List (class name, counts in the splits, sum, share of the largest class)."""
    totals = counted.sum(axis=1)
    most = max(int(totals.max(initial=0)), 1)
    rows = zip(collection.class_names, counted.tolist(), totals.tolist(), strict=True)
    return [(name, counts, total, total / most) for name, counts, total in rows][:_MOST_CLASSES]
