"""Read a user's own pictures from class folders, with or without split folders."""

import os

from common import checks, labels, text
from common.errors import UserError
from datasets.conversion.spec import DatasetSpec, RawExample
from pictures import folder_scan

BACKGROUND = 'background'
_SPLIT_FOLDERS = {'train': 'train', 'val': 'validation', 'validation': 'validation', 'test': 'test'}


def from_folder(dataset_dir, dataset_name, background_class=False):
    """Describe `DIR/NAME/<class>/*`, or `DIR/NAME/{train,val,...}/<class>/*`, for conversion."""
    root = os.path.join(dataset_dir, dataset_name)
    _require_root(dataset_dir, dataset_name)
    split_folders = _split_folders(root)
    if split_folders:
        beside = _Scan(root)
        beside.leave_out(set(folder_scan.subfolders(root)) - set(split_folders.values()))
        directories = {split: os.path.join(root, name) for split, name in split_folders.items()}
        return _from_splits(directories, dataset_name, None, background_class, beside)
    scan = _Scan(root)
    class_names = scan.classes()
    if len(class_names) < 2:
        raise UserError(_too_few_classes(root, class_names, scan))
    scan.take_classes(class_names, _offset(background_class))
    return scan.spec(dataset_name, class_names, background_class)


def from_splits(directories, dataset_name='', labels_file=None, background_class=False):
    """Describe split folders ({split: directory}) for conversion.

    A labels file gives the order of the classes. Each of them must have a folder in every split,
    and there must be no other folder.
    """
    seen = {}
    for split, directory in directories.items():
        _require_readable(directory, f'--{split}_directory={directory}')
        twin = seen.setdefault(os.path.realpath(directory), split)
        if twin != split:
            raise UserError(f'--{split}_directory={directory}: same as --{twin}_directory')
    return _from_splits(directories, dataset_name, labels_file, background_class, _Scan())


def _from_splits(directories, dataset_name, labels_file, background_class, whole):
    class_names = _names_from_file(labels_file, background_class) if labels_file else None
    # Without a labels file, the training folders are the classes.
    for split in sorted(directories, key=lambda name: (name != 'train', name)):
        directory = directories[split]
        scan = _Scan(directory, split)
        present = scan.classes()
        if not present:
            raise UserError(_too_few_classes(directory, present, scan))
        if labels_file:
            _require_same(present, class_names, directory, labels_file)
        elif class_names is None:
            class_names = present
            if len(class_names) < 2:
                raise UserError(_too_few_classes(directory, class_names, scan))
        else:
            _require_known(present, class_names, directory)
            missing = [name for name in class_names if name not in present]
            if missing:
                whole.notes.append(f'{directory} has no pictures of {text.listed(missing)}')
        scan.take_classes(present, _offset(background_class), class_names)
        whole.add(scan)
    return whole.spec(dataset_name, class_names, background_class)


class _Scan:
    """The content of a folder of class folders: examples and other files."""

    def __init__(self, root=None, split=None):
        self._root = root
        self._split = split
        self.examples, self.ignored, self.refused, self.notes = [], [], [], []
        self._listings = {}
        if root is None:
            return
        self.loose = folder_scan.loose_files(root)
        self.ignored += self.loose.ignored
        self.ignored += [(path, 'not in a class folder') for path in self.loose.files]
        if self.loose.has_picture:
            self.notes.append(f'pictures in {root} itself, outside its folders, were left out')

    def classes(self):
        """Return the sorted class names of folders with pictures, and list all other files."""
        for name in folder_scan.subfolders(self._root):
            folder = os.path.join(self._root, name)
            listing = folder_scan.list_files(folder)
            if listing.has_picture:
                _require_one_line(name, folder)
                # The same name in two Unicode forms (after a copy between systems) is one class.
                self._listings.setdefault(labels.normalised(name), []).append(listing)
            else:
                listing.require_readable()
                reason = 'folder without pictures'
                self.ignored += listing.give_up(reason)
                self.notes.append(f'{folder} has no pictures, so it is not a class')
        return sorted(self._listings)

    def take_classes(self, present, offset, class_names=None):
        """Add examples of the classes `present`, with labels by position in `class_names`."""
        numbers = {name: i for i, name in enumerate(class_names or present, offset)}
        parent = self._root if self._split is None else os.path.dirname(os.path.abspath(self._root))
        for name in present:
            for listing in self._listings[name]:
                self.ignored += listing.ignored
                self.refused += listing.refused
                self.examples += [
                    RawExample(
                        filename=os.path.relpath(path, parent),
                        label=numbers[name],
                        split=self._split,
                        path=path,
                    )
                    for path in listing.files
                ]

    def leave_out(self, folders):
        """Note that folders beside the split folders are not converted."""
        for name in sorted(folders):
            folder = os.path.join(self._root, name)
            reason = 'beside the folders of the splits'
            listing = folder_scan.list_files(folder, required=False)
            self.ignored += listing.give_up(reason)
            self.notes.append(f'{folder} is not a split and was left out')

    def add(self, other):
        """Add the results of another scan."""
        self.examples += other.examples
        self.ignored += other.ignored
        self.refused += other.refused
        self.notes += other.notes

    def spec(self, dataset_name, class_names, background_class):
        """Return the results as a DatasetSpec."""
        return DatasetSpec(
            name=dataset_name,
            class_names=with_background(class_names, background_class),
            examples=self.examples,
            ignored=self.ignored,
            refused=self.refused,
            notes=self.notes,
            background_class=background_class,
        )


def with_background(class_names, background_class):
    """Put the background's name first if label 0 is reserved for it."""
    if not background_class:
        return list(class_names)
    if BACKGROUND in class_names:
        raise UserError(f'--background_class: the pictures already have a class {BACKGROUND!r}')
    return [BACKGROUND, *class_names]


def _offset(background_class):
    return int(background_class)


def _split_folders(root):
    """Return {split: folder name} if `root` has `train` and another split of class folders."""
    found = {}
    for name in folder_scan.subfolders(root):
        split = _SPLIT_FOLDERS.get(name.lower())
        if split in found:
            raise UserError(f'{root}: both {found[split]} and {name} are {split}; keep one')
        if split and folder_scan.subfolders(os.path.join(root, name)):
            found[split] = name
    return found if 'train' in found and len(found) > 1 else {}


def _names_from_file(labels_file, background_class):
    class_names = labels.names_in_order(labels.read_labels(labels_file), labels_file)
    if background_class and class_names[:1] == [BACKGROUND]:
        class_names = class_names[1:]
    if len(class_names) < 2:
        raise UserError(
            f'--labels_file={labels_file}: lists {len(class_names)} names; must list at least two'
        )
    for name in class_names:
        if class_names.count(name) > 1:
            raise UserError(f'--labels_file={labels_file}: {name!r} is listed twice')
    return class_names


def _require_same(present, class_names, directory, labels_file):
    for name in present:
        if name not in class_names:
            raise UserError(
                f'{os.path.join(directory, name)}: not listed in --labels_file={labels_file},'
                f' which has {text.listed(checks.nearest(name, class_names))}'
            )
    for name in class_names:
        if name not in present:
            raise UserError(
                f'--labels_file={labels_file} lists {name!r}, but there are no pictures in'
                f' {os.path.join(directory, name)}'
            )


def _require_known(present, class_names, directory):
    for name in present:
        if name not in class_names:
            known = text.listed(checks.nearest(name, class_names))
            raise UserError(
                f'{os.path.join(directory, name)}: not a class of the training pictures; those'
                f' are {known}'
            )


def _require_one_line(name, folder):
    if not name.isprintable():
        raise UserError(f'{folder!r}: a class name must be printable text; rename the folder')


def _require_root(dataset_dir, dataset_name):
    root = os.path.join(dataset_dir, dataset_name)
    _require_readable(dataset_dir, f'--dataset_dir={dataset_dir}')
    if os.path.isdir(root):
        _require_readable(root, root)
        return
    absolute = os.path.abspath(dataset_dir)
    if os.path.basename(absolute) == dataset_name:
        hint = f'if the class folders are in {dataset_dir}, pass'
        hint += f' --dataset_dir={os.path.dirname(absolute)}'
    else:
        folders = checks.nearest(dataset_name, folder_scan.subfolders(dataset_dir))
        hint = f'folders there: {text.listed(folders) or "none"}'
    raise UserError(
        f'--dataset_name={dataset_name}: {root} does not exist; put the pictures in'
        f' {os.path.join(root, "<class>")} ({hint})'
    )


def _require_readable(directory, where):
    try:
        os.listdir(directory)
    except FileNotFoundError:
        raise UserError(f'{where}: no such folder') from None
    except OSError as error:
        raise UserError(f'{where}: cannot be read ({error.strerror})') from None


def _too_few_classes(root, class_names, scan):
    if class_names:
        found = f'only one class ({class_names[0]}) has pictures; a classifier needs at least two'
    elif scan.loose.has_picture:
        found = 'the pictures are in the folder itself'
    else:
        found = 'no pictures were found'
    return f'{root}: {found}. Put them in one folder for each class: {root}/<class>/'
