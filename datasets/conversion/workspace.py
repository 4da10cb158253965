"""A conversion under way, as it lies on disk: the fence, the hidden directory, the publishing."""

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
    """Build a data set out of sight, and put it in place at the end.

    The fence is created and synced before anything else and removed after everything else. It
    remembers what it stands for: the fingerprint of the run, the files of an older data set that
    the run replaces, and, from the moment that files appear in place, which.
    """

    def __init__(self, output_dir, dataset_name):
        self._output_dir = output_dir
        self._dataset_name = dataset_name
        self._fence_path = manifest.converting_path(output_dir, dataset_name)
        self.directory = os.path.join(output_dir, f'.{dataset_name or "records"}.converting')
        self.fenced = os.path.exists(self._fence_path)
        self._fence = self._read_fence() if self.fenced else {}

    def _read_fence(self):
        with contextlib.suppress(UserError):
            fence = files.read_json(self._fence_path)
            if isinstance(fence, dict):
                return fence
        return {}

    @property
    def known_files(self):
        """List the files in place that an interrupted run replaces or has published."""
        return self._fence.get('replaces', []) + self._fence.get('publishes', [])

    def refuse_strangers(self, splits, own_files):
        """Raise a UserError for a file in place that would pass for a shard of this data set."""
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
        """Raise the fence; keep the finished shards of an interrupted run that was the same."""
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
        """Return where a file grows until it is published."""
        return os.path.join(self.directory, name)

    def save_shard(self, finished):
        """Note that a shard is whole, so that a later run need not make it again."""
        files.write_json(self._note_path(finished.shard.file), dataclasses.asdict(finished))

    def saved_shard(self, file):
        """Return a shard that an interrupted run finished, or None."""
        if not os.path.exists(self._note_path(file)):
            return None
        note = files.read_json(self._note_path(file))
        finished = shards.FinishedShard(**{**note, 'shard': manifest.Shard(**note['shard'])})
        # A run that was killed while it published has moved some of its shards already.
        for directory in (self.directory, self._output_dir):
            with contextlib.suppress(FileNotFoundError):
                if os.path.getsize(os.path.join(directory, file)) == finished.shard.bytes:
                    return finished
        return None

    def _note_path(self, file):
        return self.path(f'{file}.json')

    def publish(self, new_files):
        """Move `new_files` into place, remove what they replace, and lower the fence.

        The manifest is the last of them.
        """
        made = self.path(manifest.manifest_name(self._dataset_name))
        # From here on readers refuse, until the new manifest is in place.
        self._fence['manifest'] = files.digest(made)
        self._fence['publishes'] = sorted({*new_files, *self._fence['publishes']})
        files.write_json(self._fence_path, self._fence)
        for name in new_files:
            # A shard that is no longer here was moved by the run that was killed.
            with contextlib.suppress(FileNotFoundError):
                os.replace(self.path(name), os.path.join(self._output_dir, name))
        # The shared label file may serve another data set, so it is never removed.
        for name in {*self.known_files} - {*new_files, label_files.SHARED}:
            if name == os.path.basename(name):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(self._output_dir, name))
        self._lower()

    def abandon(self):
        """Remove what a failed run made; the fence stays if files in place were touched."""
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
