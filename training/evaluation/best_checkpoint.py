"""Keep a copy of the best checkpoint, which training never deletes."""

import contextlib
import os
import shutil

import tensorflow.compat.v1 as tf
from google.protobuf import text_format

from classifiers import checkpoints, model_info, watch
from common import files
from common.errors import UserError

_RECORD = 'evaluation.json'


class BestCheckpoint:
    """The directory with a copy of the most accurate checkpoint and its model.json."""

    def __init__(self, directory):
        self.directory = directory
        self._record = os.path.join(directory, _RECORD)

    @contextlib.contextmanager
    def holding(self, checkpoint):
        """Keep the files of a checkpoint open in a `with` block: training may delete them."""
        prefix = checkpoint.path
        paths = [*checkpoints.files_of(prefix), f'{prefix}.meta']
        with contextlib.ExitStack() as stack:
            held = {}
            for path in paths:
                # If a file is already gone, restoring the checkpoint fails.
                with contextlib.suppress(FileNotFoundError):
                    held[os.path.basename(path)] = stack.enter_context(open(path, 'rb'))
            yield held

    def offer(self, evaluation, content, held, replace=False):
        """Keep the checkpoint if it is better than the current one; return whether it is.

        `content` is the evaluation as JSON values, `held` the result of `holding`. If the accuracy
        is equal, the smaller loss is better. `replace` keeps it in any case.
        """
        kept = None if replace else self._kept()
        if kept and _rank(kept) >= _rank(content):
            return False
        try:
            self._replace(evaluation, content, held)
        except OSError as error:
            raise UserError(f'{self.directory}: cannot be written ({error.strerror})') from None
        return True

    def check(self, identity):
        """Raise UserError if the kept checkpoint was evaluated in another way.

        `identity` contains the JSON values of the evaluation that must be equal.
        """
        for name, kept, value in self._differences(identity):
            raise UserError(
                f'{self.directory}: keeps the best checkpoint for {name} {kept!r}, '
                f'not {value!r}: pass another --eval_dir'
            )

    def matches(self, identity):
        """Return whether the kept checkpoint, if any, was evaluated in the same way."""
        return not any(self._differences(identity))

    def _differences(self, identity):
        """Yield (name, value of the kept checkpoint, value) where the two differ."""
        kept = files.read_json(self._record) if os.path.exists(self._record) else {}
        for name, value in identity.items():
            if kept and kept.get(name) != value:
                yield name, kept.get(name), value

    def _kept(self):
        """Return the record of the kept checkpoint, or None."""
        if not os.path.exists(self._record):
            return None
        kept = files.read_json(self._record)
        # After a kill during a replacement, the record may be there without its checkpoint.
        prefix = os.path.join(self.directory, os.path.basename(kept['checkpoint']))
        return kept if checkpoints.fingerprint(prefix) == kept['fingerprint'] else None

    def _replace(self, evaluation, content, held):
        """Write the new copy, and remove the old one when the new one is complete."""
        os.makedirs(self.directory, exist_ok=True)
        # Write the index last, so that no reader finds a checkpoint without data.
        for name in sorted(held, key=lambda name: name.endswith('.index')):
            stream = held[name]
            stream.seek(0)
            with files.atomic_write(os.path.join(self.directory, name)) as copy:
                shutil.copyfileobj(stream, copy, 1 << 20)
        prefix = os.path.join(self.directory, os.path.basename(evaluation.checkpoint.path))
        fault = checkpoints.fault(prefix)
        if fault or checkpoints.fingerprint(prefix) != evaluation.checkpoint.fingerprint:
            for name in held:
                os.unlink(os.path.join(self.directory, name))
            why = fault or 'changed while in use'
            raise checkpoints.unreadable(evaluation.checkpoint.path, why)
        model_info.write(self.directory, evaluation.info)
        files.write_text(os.path.join(self.directory, watch.STATE_FILE), _state(prefix))
        files.write_json(self._record, content)
        self._remove_all_but({*held, watch.STATE_FILE, model_info.FILE_NAME, _RECORD})

    def _remove_all_but(self, kept):
        """Remove the files of other checkpoints."""
        for name in os.listdir(self.directory):
            prefix = checkpoints.prefix_of(name)
            is_other = prefix != name or name.endswith('.ckpt')
            if name not in kept and is_other:
                os.unlink(os.path.join(self.directory, name))


def _state(prefix):
    """Return the content of the file that lists the checkpoints of a directory."""
    name = os.path.basename(prefix)
    state = tf.train.generate_checkpoint_state_proto('', name)
    return text_format.MessageToString(state)


def _rank(content):
    return content['accuracy'], -content['loss']
