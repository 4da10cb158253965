"""Read the list of a user's own pictures from a CSV file: `path,label[,split]`."""

import csv
import os

from common import labels
from common.errors import UserError
from datasets.conversion.spec import DatasetSpec, RawExample
from datasets.own import image_folder

_COLUMNS = ('path', 'label', 'split')
_SPLITS = {
    'train': 'train',
    'training': 'train',
    'val': 'validation',
    'valid': 'validation',
    'validation': 'validation',
    'test': 'test',
}


def from_csv(csv_file, dataset_name, background_class=False):
    """Describe the pictures of a CSV file for conversion; paths are relative to the file.

    A header is optional; with one, the columns may be in any order. A malformed row raises a
    UserError that names its line. A missing picture is skipped and listed.
    """
    rows = _read(csv_file)
    class_names = _class_names({label for _, _, label, _ in rows})
    if len(class_names) < 2:
        raise UserError(f'--csv_file={csv_file}: must have at least two labels, has {class_names}')
    numbers = {name: number for number, name in enumerate(class_names, int(background_class))}
    folder = os.path.dirname(os.path.abspath(csv_file))
    examples, refused = [], []
    for line, path, label, split in rows:
        full = os.path.join(folder, path)
        if os.path.isfile(full):
            examples.append(RawExample(path, numbers[label], split, full))
        else:
            reason = 'not a file' if os.path.exists(full) else 'no such file'
            refused.append((full, f'{reason} (line {line} of {os.path.basename(csv_file)})'))
    if not examples:
        raise UserError(f'--csv_file={csv_file}: none of its pictures exist; first: {refused[0]}')
    return DatasetSpec(
        name=dataset_name,
        class_names=image_folder.with_background(class_names, background_class),
        examples=examples,
        refused=refused,
        background_class=background_class,
    )


def _class_names(found):
    """Sort the labels: as numbers if all are numbers, else as text."""
    return sorted(found, key=(lambda label: (int(label), label)) if _all_numbers(found) else None)


def _all_numbers(found):
    return all(label.isascii() and label.isdigit() for label in found)


def _read(csv_file):
    """Return (line, path, label, split or None) of each row."""
    try:
        with open(csv_file, encoding='utf-8-sig', newline='') as stream:
            reader = csv.reader(stream, strict=True)
            lines = [(reader.line_num, cells) for cells in reader if any(map(str.strip, cells))]
    except OSError as error:
        raise UserError(f'--csv_file={csv_file}: {error.strerror}') from None
    except UnicodeDecodeError as error:
        raise UserError(f'--csv_file={csv_file}: must be UTF-8 text ({error.reason})') from None
    except csv.Error as error:
        raise UserError(f'--csv_file={csv_file}: line {reader.line_num}: {error}') from None
    if not lines:
        raise UserError(f'--csv_file={csv_file}: is empty; a row is path,label[,split]')
    columns = _header(lines[0][1])
    if columns:
        lines = lines[1:]
    else:
        columns = _COLUMNS[: max(2, len(lines[0][1]))]
    if not lines:
        raise UserError(f'--csv_file={csv_file}: has no row after the header')
    return [_row(csv_file, line, cells, columns) for line, cells in lines]


def _header(cells):
    """Return the column names if the first row is a header, else None."""
    columns = [cell.strip().lower() for cell in cells]
    return columns if {'path', 'label'} <= set(columns) else None


def _row(csv_file, line, cells, columns):
    where = f'--csv_file={csv_file}: line {line}'
    if len(cells) != len(columns):
        raise UserError(f'{where}: {len(cells)} columns instead of {",".join(columns)}')
    row = {column: cell.strip() for column, cell in zip(columns, cells, strict=True)}
    for column in ('path', 'label'):
        if not row[column]:
            raise UserError(f'{where}: the {column} is empty')
    if not row['label'].isprintable():
        raise UserError(f'{where}: the label {row["label"]!r} must be printable text')
    split = row.get('split')
    if split is not None and split.lower() not in _SPLITS:
        raise UserError(f'{where}: split {split!r}; must be train, validation or test')
    return line, row['path'], labels.normalised(row['label']), split and _SPLITS[split.lower()]
