"""The 3,670 flower photographs of TensorFlow's tutorials, in five kinds."""

import dataclasses
import functools

from common.download import Expected
from datasets.known import published
from datasets.own import image_folder
from datasets.records import split_reader

SPLITS_TO_SIZES = {'train': 3320, 'validation': 350}
NUM_CLASSES = 5

FOLDER = 'flower_photos'
# Size and hash: tensorflow-datasets 4.9, tf_flowers/checksums.tsv.
ARCHIVE = published.PublishedFile(
    'flower_photos.tgz',
    ('http://download.tensorflow.org/example_images/flower_photos.tgz',),
    Expected(228813984, '4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c'),
)
SOURCES = (FOLDER, ARCHIVE.name)

get_split = functools.partial(split_reader.get_split, dataset_name='flowers')


def make_spec(dataset_dir, source_url=None, report=print):
    """Describe the data set for conversion; download and unpack it if necessary."""
    published.unpacked(ARCHIVE, (FOLDER,), dataset_dir, source_url, report)
    spec = image_folder.from_folder(dataset_dir, FOLDER)
    is_whole = len(spec.examples) >= sum(SPLITS_TO_SIZES.values())
    return dataclasses.replace(
        spec,
        name='flowers',
        default_shards=5,
        validation_count=SPLITS_TO_SIZES['validation'] if is_whole else None,
    )
