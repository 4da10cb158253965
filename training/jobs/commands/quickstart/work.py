"""The directory of all results of quickstart.sh, and the user's folder of pictures."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

from common.errors import UserError
from training.jobs import programs

DRAWN = 'sample_flowers'
# Not the name of the user's folder: a folder "flowers" is not the published data set of that name.
OWN = 'my_pictures'
_KEY = 'quickstart.key'


@dataclasses.dataclass(frozen=True)
class Work:
    """The directory of all results, and the user's folder of pictures ('' for drawn pictures)."""

    path: Path
    images: str
    name: str

    @classmethod
    def open(cls, options):
        """Create the directory that the options name, and return its Work."""
        images, name = '', DRAWN
        if options.images:
            if not os.path.isdir(options.images):
                raise UserError(
                    f'--images={options.images}: no such folder; it must hold one folder for each '
                    'class'
                )
            images, name = os.path.abspath(options.images), OWN
        default = programs.ROOT / 'quickstart' / (os.path.basename(images) or name)
        path = Path(os.path.abspath(options.dir or default))
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not (path / _KEY).exists() and any(path.iterdir()):
                raise UserError(
                    f'--dir={path}: contains other files; name a directory that is empty or does '
                    'not exist'
                )
            (path / _KEY).touch()
        except OSError as error:
            raise UserError(f'--dir={path}: cannot be written ({error.strerror})') from None
        return cls(path, images, name)

    @property
    def source(self):
        """Return the link to the user's folder, under the name of the data set."""
        return self.path / 'source' / self.name

    def link_source(self):
        """Link to the user's folder."""
        self.source.parent.mkdir(exist_ok=True)
        self.source.unlink(missing_ok=True)
        self.source.symlink_to(self.images)

    def read_json(self, name):
        """Return the content of a JSON file below the directory."""
        return json.loads((self.path / name).read_text(encoding='utf-8'))

    def forget_older(self, key):
        """Remove results with another key; they are from other pictures or another recipe."""
        if (self.path / _KEY).read_text(encoding='utf-8') != key:
            for name in ('train', 'eval', 'model'):
                shutil.rmtree(self.path / name, ignore_errors=True)
            for step in ('train', 'evaluate', 'calibrate', 'export', 'freeze'):
                (self.path / f'{step}.done').unlink(missing_ok=True)
            (self.path / _KEY).write_text(key, encoding='utf-8')
