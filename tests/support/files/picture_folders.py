"""Write folders of small pictures, and read the records made from them."""

import hashlib
import io
import os

import numpy as np
from PIL import Image


def picture_bytes(seed, size=(16, 12), kind='JPEG'):
    """Return a small picture that no other seed gives."""
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def class_folders(root, counts, first_seed=0):
    """Write `counts[name]` pictures into `root`/name, each class with seeds of its own."""
    seed = first_seed
    for name, count in counts.items():
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(count):
            (folder / f'{index:03d}.jpg').write_bytes(picture_bytes(seed))
            seed += 1
    return root


def visible_files(directory):
    """Map the name of each visible file in a directory to its content's hash."""
    return {
        name: hashlib.sha256((directory / name).read_bytes()).hexdigest()
        for name in sorted(os.listdir(directory))
        if not name.startswith('.') and (directory / name).is_file()
    }


def records(directory, made, split=None):
    """Read the records of a converted data set as dictionaries from feature name to values."""
    import tensorflow.compat.v1 as tf

    found = []
    for name, described in made.splits.items():
        if split not in (None, name):
            continue
        for shard in described.shards:
            for data in tf.io.tf_record_iterator(str(directory / shard.file)):
                features = tf.train.Example.FromString(data).features.feature
                found.append(
                    {
                        key: list(getattr(value, value.WhichOneof('kind')).value)
                        for key, value in features.items()
                    }
                )
    return found
