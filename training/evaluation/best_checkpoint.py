"""A copy of the best checkpoint, which no training cleans up."""

import contextlib
import os
import shutil

from google.protobuf import text_format
from tensorflow.python.training.checkpoint_state_pb2 import CheckpointState

from classifiers import checkpoints, model_info, watch
from common import files
from common.errors import UserError

_RECORD = 'evaluation.json'


class BestCheckpoint:
    """The directory that keeps the most accurate checkpoint seen, with its model.json."""

    def __init__(self, directory):
        self._directory = directory
        self._record = os.path.join(directory, _RECORD)

    @contextlib.contextmanager
    def holding(self, checkpoint):
        """Keep hold of a checkpoint's files in a `with` block: a training may remove them."""
        prefix = checkpoint.path
        paths = [*checkpoints.files_of(prefix), f'{prefix}.meta']
        with contextlib.ExitStack() as stack:
            held = {}
            for path in paths:
                # What is gone already is missed by whoever restores the checkpoint.
                with contextlib.suppress(FileNotFoundError):
                    held[os.path.basename(path)] = stack.enter_context(open(path, 'rb'))
            yield held

    def offer(self, evaluation, content, held):
        """Take the copy if it is better than what is kept; tell whether it was.

        `content` is the evaluation as JSON values, `held` what `holding` gave. Of two with the same
        accuracy the one with the smaller loss is the better.
        """
        kept = self._kept()
        if kept and _rank(kept) >= _rank(content):
            return False
        try:
            self._replace(evaluation, content, held)
        except OSError as error:
            raise UserError(f'{self._directory}: cannot be written ({error.strerror})') from None
        return True

    def check(self, identity):
        """Refuse to compare figures of another network, other pictures or another way to count.

        `identity` is what has to be equal, a part of the evaluation's JSON values.
        """
        kept = files.read_json(self._record) if os.path.exists(self._record) else {}
        for name, value in identity.items():
            if kept and kept.get(name) != value:
                raise UserError(
                    f'{self._directory}: keeps the best checkpoint for {name} {kept.get(name)!r}, '
                    f'not {value!r}: pass another --eval_dir'
                )

    def _kept(self):
        """Return what is known of the checkpoint that is kept, or None if there is none."""
        if not os.path.exists(self._record):
            return None
        kept = files.read_json(self._record)
        # A kill while it was replaced may have left the record without its checkpoint.
        prefix = os.path.join(self._directory, os.path.basename(kept['checkpoint']))
        return kept if checkpoints.fingerprint(prefix) == kept['fingerprint'] else None

    def _replace(self, evaluation, content, held):
        """Put the new copy beside the old one, and remove that when the new one is whole."""
        os.makedirs(self._directory, exist_ok=True)
        # The index comes last, so that no reader finds a checkpoint without its data.
        for name in sorted(held, key=lambda name: name.endswith('.index')):
            stream = held[name]
            stream.seek(0)
            with files.atomic_write(os.path.join(self._directory, name)) as copy:
                shutil.copyfileobj(stream, copy, 1 << 20)
        prefix = os.path.join(self._directory, os.path.basename(evaluation.checkpoint.path))
        fault = checkpoints.fault(prefix)
        if fault or checkpoints.fingerprint(prefix) != evaluation.checkpoint.fingerprint:
            for name in held:
                os.unlink(os.path.join(self._directory, name))
            why = fault or 'changed while in use'
            raise checkpoints.unreadable(evaluation.checkpoint.path, why)
        model_info.write(self._directory, evaluation.info)
        files.write_text(os.path.join(self._directory, watch.STATE_FILE), _state(prefix))
        files.write_json(self._record, content)
        self._remove_all_but({*held, watch.STATE_FILE, model_info.FILE_NAME, _RECORD})

    def _remove_all_but(self, kept):
        """Remove the files of other checkpoints: nothing else is put here."""
        for name in os.listdir(self._directory):
            prefix = checkpoints.prefix_of(name)
            is_other = prefix != name or name.endswith('.ckpt')
            if name not in kept and is_other:
                os.unlink(os.path.join(self._directory, name))


def _state(prefix):
    """Return the content of the file that names a directory's checkpoints."""
    name = os.path.basename(prefix)
    state = CheckpointState(model_checkpoint_path=name, all_model_checkpoint_paths=[name])
    return text_format.MessageToString(state)


def _rank(content):
    return content['accuracy'], -content['loss']
