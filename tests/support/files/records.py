"""Pictures, and TFRecord files as other programs write them."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image


def picture(seed, height=30, width=40, channels=3):
    """Draw a smooth uint8 picture that differs with `seed`."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (6, 8, channels), dtype=np.uint8)
    planes = [
        np.asarray(
            Image.fromarray(coarse[..., k]).resize((width, height), Image.Resampling.BICUBIC)
        )
        for k in range(channels)
    ]
    return np.stack(planes, axis=-1)


def encoded(pixels, kind='jpeg', **options):
    """Encode pixels as a file of a kind that Pillow knows."""
    stream = io.BytesIO()
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.save(stream, kind, **options)
    return stream.getvalue()


def example(data, label, filename='', **features):
    """Serialise a record with the features that all programs write, and `features` beside them."""
    features = {
        'image/encoded': data,
        'image/format': b'png' if data.startswith(b'\x89PNG') else b'jpeg',
        'image/class/label': label,
        **({'image/filename': filename.encode()} if filename else {}),
        **features,
    }
    return tf.train.Example(
        features=tf.train.Features(feature={k: _feature(v) for k, v in features.items()})
    ).SerializeToString()


def _feature(value):
    if isinstance(value, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


def write(path, examples):
    """Write serialised examples to a TFRecord file."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for serialised in examples:
            writer.write(serialised)


def write_pictures(path, labels, kind='png', start=0, **options):
    """Write a picture for each label; its file name tells its number, counted from `start`."""
    write(
        path,
        [
            example(encoded(picture(number), kind, **options), label, f'{number}.{kind}')
            for number, label in enumerate(labels, start)
        ],
    )


def flip_bit(shards, number, into_record=200):
    """Flip a bit of the record with this number among all records of the shards."""
    for shard in shards:
        if number < shard.examples:
            break
        number -= shard.examples
    with open(shard.path, 'r+b') as stream:
        position = shard.offsets[number] + into_record
        stream.seek(position)
        byte = stream.read(1)[0]
        stream.seek(position)
        stream.write(bytes([byte ^ 1]))
