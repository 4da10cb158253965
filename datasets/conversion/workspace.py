"""The files of a running conversion: the fence, the hidden directory, and publishing."""

import contextlib
import dataclasses
import os
import re
import shutil

from common import files
from common.errors import UserError
from datasets.conversion import shards
from datasets.records import label_files, manifest


class Workspace:
    """Build a data set in a hidden directory, and move it into place at the end.

    The fence is a file that is created and synced first and removed last. It holds the fingerprint
    of the run, the files of an older data set that the run replaces, and, once files are moved into
    place, their names.
    """

    def __init__(self, output_dir, dataset_name):
        self._output_dir = output_dir
        self._dataset_name = dataset_name
        self._fence_path = manifest.converting_path(output_dir, dataset_name)
        self.directory = os.path.join(output_dir, f'.{dataset_name or "records"}.converting')
        self.fenced = os.path.exists(self._fence_path)
        self._fence = manifest.read_fence(self._fence_path)

    @property
    def known_files(self):
        """List the files in place that an interrupted run replaces or has published."""
        return self._fence.get('replaces', []) + self._fence.get('publishes', [])

    def refuse_foreign_files(self, splits, own_files):
        """Raise a UserError for a foreign file with the name of a shard of this data set."""
        own = {*own_files, *self.known_files}
        words = '|'.join(re.escape(split) for split in splits)
        prefix = f'{re.escape(self._dataset_name)}_' if self._dataset_name else ''
        pattern = re.compile(rf'{prefix}({words})[-_]\d+-of-\d+(\.tfrecord)?')
        for name in sorted(os.listdir(self._output_dir)):
            if pattern.fullmatch(name) and name not in own:
                raise UserError(
                    f'{os.path.join(self._output_dir, name)} is in the way: no manifest of this'
                    ' program lists it. Move it elsewhere, or choose another directory'
                )

    def begin(self, fingerprint, replaces, command):
        """Create the fence; keep finished shards of an interrupted run with this fingerprint."""
        if self._fence.get('fingerprint') != fingerprint:
            self._clear()
        self._fence = {
            'command': command,
            'fingerprint': fingerprint,
            'replaces': sorted({*replaces, *self.known_files}),
            'publishes': self._fence.get('publishes', []),
            'manifest': self._fence.get('manifest'),
        }
        files.write_json(self._fence_path, self._fence)
        os.makedirs(self.directory, exist_ok=True)

    def path(self, name):
        """Return the path of a file before it is published."""
        return os.path.join(self.directory, name)

    def save_shard(self, finished):
        """Record that a shard is complete, so that a later run need not write it again."""
        files.write_json(self._note_path(finished.shard.file), dataclasses.asdict(finished))

    def saved_shard(self, file):
        """Return a shard that an interrupted run finished, or None."""
        if not os.path.exists(self._note_path(file)):
            return None
        note = files.read_json(self._note_path(file))
        finished = shards.FinishedShard(**{**note, 'shard': manifest.Shard(**note['shard'])})
        # A run that was killed while publishing has already moved some of its shards.
        for directory in (self.directory, self._output_dir):
            with contextlib.suppress(FileNotFoundError):
                if os.path.getsize(os.path.join(directory, file)) == finished.shard.bytes:
                    return finished
        return None

    def _note_path(self, file):
        return self.path(f'{file}.json')

    def publish(self, new_files):
        """Move `new_files` into place (the manifest last), remove old files and the fence."""
        made = self.path(manifest.manifest_name(self._dataset_name))
        # From here on, readers refuse the data set until the new manifest is in place.
        self._fence['manifest'] = files.digest(made)
        self._fence['publishes'] = sorted({*new_files, *self._fence['publishes']})
        files.write_json(self._fence_path, self._fence)
        for name in new_files:
            # A missing shard was already moved by the run that was killed.
            with contextlib.suppress(FileNotFoundError):
                os.replace(self.path(name), os.path.join(self._output_dir, name))
        # Another data set may use the shared label file, so it is never removed.
        for name in {*self.known_files} - {*new_files, label_files.SHARED}:
            if name == os.path.basename(name):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(self._output_dir, name))
        self._lower()

    def abandon(self):
        """Remove the files of a failed run; keep the fence if files in place were changed."""
        if self._fence.get('publishes'):
            return
        self._lower()

    def _lower(self):
        self._clear()
        files.sync_directory(self._output_dir)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._fence_path)
        files.sync_directory(self._output_dir)

    def _clear(self):
        shutil.rmtree(self.directory, ignore_errors=True)
