"""What an audit finds: the kinds of findings, and the table of all of them."""

import collections
import csv
import dataclasses

from common import files, text
from heads.audit.collection import Picture

COLUMNS = (
    'kind', 'file_name', 'split', 'class', 'other_file', 'other_split', 'other_class', 'crosses',
    'score', 'suggestion', 'reason',
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of findings: its heading, and what to do about it."""

    title: str
    advice: str


# In the order of the page.
KINDS = {
    'damaged': Kind(
        'Damaged records',
        'These pictures cannot be read. Convert the data set again.',
    ),
    'exact_duplicate': Kind(
        'Exact duplicates',
        'The same picture twice: the same bytes, or the same pixels. Across splits, a copy makes '
        'the accuracy look better than it is. Across classes, one of the labels is wrong.',
    ),
    'near_duplicate': Kind(
        'Near duplicates',
        'The same picture in another size, quality or crop. They do the same harm as exact ones.',
    ),
    'doubtful_label': Kind(
        'Doubtful labels',
        'A classifier that has not seen the picture is sure of another class. Look at it: the '
        'label may be wrong, or the picture may be difficult.',
    ),
    'outlier': Kind(
        'Pictures unlike all others',
        'The features of these pictures are far from those of all others. They may belong to no '
        'class.',
    ),
    'dark': Kind('Very dark pictures', 'Almost all of the picture is nearly black.'),
    'blurred': Kind('Blurred pictures', 'Not even the strongest edges are sharp.'),
    'tiny': Kind('Tiny pictures', 'Much smaller than most pictures of the data set.'),
    'empty': Kind('Nearly empty pictures', 'The picture has almost only one colour.'),
    'small_class': Kind(
        'Class balance',
        'A class with far fewer pictures than others is rarely predicted. Add pictures, or train '
        'with --class_weights=balanced.',
    ),
}
# Kinds that are not looked for without the features of a network.
NEEDS_FEATURES = ('doubtful_label', 'outlier')


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of the table; `score` is the number behind it, and `reason` says it in words.

    `crosses` says where a copy is: 'splits', 'classes' or both.
    """

    kind: str
    picture: Picture
    score: float
    reason: str
    other: Picture | None = None
    crosses: str = ''
    suggestion: str = ''


def crossing(found):
    """Return in words how many copies cross splits and classes: ' (3 across classes)' or ''."""
    counted = collections.Counter(
        part for finding in found for part in finding.crosses.split(' and ') if part
    )
    parts = [f'{count:,} across {part}' for part, count in sorted(counted.items())]
    return f' ({", ".join(parts)})' if parts else ''


def write_table(path, found):
    """Write all findings as CSV, without text that a spreadsheet would run."""
    with files.atomic_write(path, 'w', encoding='utf-8', newline='') as stream:
        writer = csv.writer(stream, lineterminator='\n')
        writer.writerow(COLUMNS)
        for finding in found:
            writer.writerow(
                [
                    finding.kind,
                    *_cells(finding.picture),
                    *_cells(finding.other),
                    finding.crosses,
                    f'{finding.score:.6g}',
                    _cell(finding.suggestion),
                    _cell(finding.reason),
                ]
            )


def _cells(picture):
    if picture is None:
        return [''] * 3
    name = picture.file_name
    return [
        text.path_cell(text.encodable(name)) if name else '',
        _cell(picture.split),
        _cell(picture.class_name),
    ]


def _cell(value):
    return text.cell(text.encodable(value))
