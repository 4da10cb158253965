"""Read the bounding boxes that ILSVRC publishes for some pictures, from XML files or a CSV."""

import csv
import dataclasses
import os
import xml.etree.ElementTree

from common import imagenet
from common.errors import UserError
from datasets.known import layouts

_FOLDERS = ('bounding_boxes', 'Annotations', 'Annotation', 'annotations')
_TABLES = ('imagenet_2012_bounding_boxes.csv', 'bounding_boxes.csv')


@dataclasses.dataclass
class Boxes:
    """Boxes by the picture's stem: an XML file, or (xmin, ymin, xmax, ymax) rows from 0 to 1."""

    xml_paths: dict
    rows: dict
    unreadable: int = 0

    def features(self, path, label):
        """Return the `image/object/bbox/*` features of a picture, empty if it has no box."""
        stem = layouts.stem(path)
        if stem in self.xml_paths:
            boxes = self._from_xml(self.xml_paths[stem], label)
        else:
            boxes = [(*corners, label) for corners in self.rows.get(stem, ())]
        if not boxes:
            return {}
        columns = zip(*boxes, strict=True)
        names = ('xmin', 'ymin', 'xmax', 'ymax', 'label')
        return {
            f'image/object/bbox/{name}': column for name, column in zip(names, columns, strict=True)
        }

    def _from_xml(self, path, label):
        try:
            return list(_read_xml(path, label))
        except (xml.etree.ElementTree.ParseError, OSError, ValueError, ZeroDivisionError):
            self.unreadable += 1
            return []


def find_boxes(directories):
    """Collect the boxes in all of `directories`; None if there are none."""
    boxes = Boxes({}, {})
    for directory in directories:
        for name in _FOLDERS:
            boxes.xml_paths.update(_xml_files(os.path.join(directory, name)))
        for name in _TABLES:
            _read_table(os.path.join(directory, name), boxes)
    return boxes if boxes.xml_paths or boxes.rows else None


def _xml_files(directory):
    if not os.path.isdir(directory):
        return
    for folder, _, names in os.walk(directory, onerror=_refuse_unreadable):
        for name in names:
            if name.lower().endswith('.xml'):
                yield layouts.stem(name), os.path.join(folder, name)


def _refuse_unreadable(error):
    raise UserError(f'{error.filename}: cannot be read ({error.strerror})')


def _read_table(path, boxes):
    """Read lines `picture, xmin, ymin, xmax, ymax`."""
    if not os.path.isfile(path):
        return
    with open(path, encoding='utf-8', errors='replace', newline='') as stream:
        for row in csv.reader(stream):
            try:
                corners = _corners(*(float(value) for value in row[1:5]))
            except (TypeError, ValueError):
                boxes.unreadable += 1
                continue
            boxes.rows.setdefault(layouts.stem(row[0]), []).append(corners)


def _read_xml(path, label):
    """Yield the boxes of an annotation, converted from pixels to fractions of the picture."""
    root = xml.etree.ElementTree.parse(path).getroot()
    width, height = float(root.findtext('size/width')), float(root.findtext('size/height'))
    for item in root.iter('object'):
        known = imagenet.by_synset().get(item.findtext('name', '').strip())
        values = [
            float(item.findtext(f'bndbox/{side}')) for side in ('xmin', 'ymin', 'xmax', 'ymax')
        ]
        scaled = (value / (width, height)[index % 2] for index, value in enumerate(values))
        yield (*_corners(*scaled), known.label if known else label)


def _corners(xmin, ymin, xmax, ymax):
    """Order the corners and clip them to the picture, as some published boxes need it."""
    columns = sorted(min(max(value, 0.0), 1.0) for value in (xmin, xmax))
    lines = sorted(min(max(value, 0.0), 1.0) for value in (ymin, ymax))
    return columns[0], lines[0], columns[1], lines[1]
