"""Write TFRecord shards: workers write segments, and the converter joins them."""

import concurrent.futures
import dataclasses
import hashlib
import os

from common import startup
from datasets.records import manifest
from datasets.records.frames import FRAME_BYTES
from pictures import gate
from preprocessing.picture_decoder import TensorFlowDecoder

_EXAMPLES_PER_SEGMENT = 32
_LARGEST_FILE = 1 << 30
_BLOCK = 1 << 20


@dataclasses.dataclass(frozen=True)
class ShardPlan:
    """A shard to write: its file name and its examples, with the index of each in the spec."""

    file: str
    split: str
    indices: list


@dataclasses.dataclass(frozen=True)
class SegmentTask:
    """Consecutive examples of a shard, which a worker writes to a separate file."""

    path: str
    examples: list
    class_texts: list
    reencode: str
    max_side: int | None


@dataclasses.dataclass(frozen=True)
class SegmentResult:
    """The result for each example: the size of its frame, or 0 and a reason; its content hash."""

    path: str
    frames: list
    reasons: list
    digests: list


@dataclasses.dataclass(frozen=True)
class FinishedShard:
    """A shard that is complete on disk, with the result for each of its examples."""

    shard: manifest.Shard
    reasons: list
    digests: list


def segment_tasks(plan, spec, options, directory):
    """Divide a shard's examples into tasks for workers."""
    for start in range(0, len(plan.indices), _EXAMPLES_PER_SEGMENT):
        indices = plan.indices[start : start + _EXAMPLES_PER_SEGMENT]
        examples = [spec.examples[index] for index in indices]
        yield SegmentTask(
            path=os.path.join(directory, f'{plan.file}.segment-{start:05d}'),
            examples=examples,
            class_texts=[spec.class_names[example.label] for example in examples],
            reencode=options.reencode,
            max_side=options.max_side,
        )


def write_segment(task):
    """Check and normalise a task's pictures, and write their records; runs in a worker."""
    # Bad pictures are reported with their reasons: the decoders need not report them too.
    with startup.quiet(startup.FATAL):
        import tensorflow.compat.v1 as tf

    frames, reasons, digests = [], [], []
    try:
        with tf.io.TFRecordWriter(task.path) as writer:
            for example, class_text in zip(task.examples, task.class_texts, strict=True):
                record, reason, digest = _record(task, example, class_text)
                if record:
                    writer.write(record)
                frames.append(len(record) + FRAME_BYTES if record else 0)
                reasons.append(reason)
                digests.append(digest)
    except tf.errors.OpError as error:
        # TensorFlow puts the path before the system's message.
        raise OSError(error.message.rpartition('; ')[2]) from None
    # A limit can cut a file off without an error.
    if os.path.getsize(task.path) != sum(frames):
        raise OSError(f'{os.path.basename(task.path)} could not be written completely')
    return SegmentResult(task.path, frames, reasons, digests)


def _record(task, example, class_text):
    """Return (serialised record, '', content hash), or (b'', reason, hash) for a bad picture."""
    try:
        data = _content(example)
    except OSError as error:
        return b'', f'cannot be read ({error.strerror})', ''
    except gate.BadImage as error:
        return b'', str(error), ''
    digest = hashlib.sha256(data).hexdigest()
    try:
        picture = gate.normalise(
            data, TensorFlowDecoder(), reencode=task.reencode, max_side=task.max_side
        )
    except gate.BadImage as error:
        return b'', str(error), digest
    return _serialised(picture, example, class_text), '', digest


def _content(example):
    if example.path is None:
        return example.data if isinstance(example.data, bytes) else example.data()
    with open(example.path, 'rb') as stream:
        if os.fstat(stream.fileno()).st_size > _LARGEST_FILE:
            raise gate.BadImage('larger than 1 GiB')
        return stream.read()


def _serialised(picture, example, class_text):
    import tensorflow.compat.v1 as tf

    record = tf.train.Example()
    features = {
        'image/encoded': (picture.data,),
        'image/format': (picture.format,),
        'image/height': (picture.height,),
        'image/width': (picture.width,),
        'image/class/label': (example.label,),
        'image/class/text': (class_text,),
        'image/filename': (os.fsencode(example.filename),),
        **(example.extra or {}),
    }
    for name, values in features.items():
        _fill(record.features.feature[name], values)
    return record.SerializeToString(deterministic=True)


def _fill(feature, values):
    if values and isinstance(values[0], int):
        feature.int64_list.value.extend(values)
    elif values and isinstance(values[0], (bytes, str)):
        encoded = (v.encode() if isinstance(v, str) else v for v in values)
        feature.bytes_list.value.extend(encoded)
    else:
        feature.float_list.value.extend(values)


def write(plans, spec, options, space, run, advance):
    """Write the planned shards in order, and yield each once it is complete and synced.

    A shard is synced in another thread while the next one is written.
    """
    tasks = (task for plan in plans for task in segment_tasks(plan, spec, options, space.directory))
    results = run(write_segment, tasks)
    with concurrent.futures.ThreadPoolExecutor(1) as syncer:
        syncing = []
        for plan in plans:
            shard = _GrowingShard(space.path(plan.file), plan.file)
            while shard.seen < len(plan.indices):
                segment = next(results)
                shard.append(segment)
                advance(len(segment.frames))
            syncing.append(syncer.submit(_finish, shard, space))
            while syncing and syncing[0].done():
                yield syncing.pop(0).result()
        yield from (future.result() for future in syncing)


def _finish(shard, space):
    finished = shard.finish()
    space.save_shard(finished)
    return finished


class _GrowingShard:
    """A shard that grows by segments and is synced when it is complete."""

    def __init__(self, path, name):
        self._path = path
        self._name = name
        self._digest = hashlib.sha256()
        self._offsets = []
        self._size = 0
        self._reasons = []
        self._digests = []
        # A partial shard of a killed run is not continued.
        with open(path, 'wb'):
            pass

    @property
    def seen(self):
        """Count the examples that were appended or skipped."""
        return len(self._reasons)

    def append(self, segment):
        """Move a segment's records to the end of this shard."""
        with open(segment.path, 'rb') as source, open(self._path, 'ab') as target:
            while block := source.read(_BLOCK):
                self._digest.update(block)
                target.write(block)
        os.unlink(segment.path)
        for frame in segment.frames:
            if frame:
                self._offsets.append(self._size)
                self._size += frame
        self._reasons += segment.reasons
        self._digests += segment.digests

    def finish(self):
        """Sync the file to disk, and describe it."""
        with open(self._path, 'rb') as stream:
            os.fsync(stream.fileno())
            if os.fstat(stream.fileno()).st_size != self._size:
                raise OSError(f'{self._name} could not be written completely')
        shard = manifest.Shard(
            file=self._name,
            examples=len(self._offsets),
            bytes=self._size,
            sha256=self._digest.hexdigest(),
            offsets=self._offsets,
        )
        return FinishedShard(shard, self._reasons, self._digests)
