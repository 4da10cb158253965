"""Pictures in, verified TFRecord shards and a manifest out: the one writer of data sets."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class RawExample:
    """One picture as it lies on disk: a `path`, or its bytes, or a function that returns them.

    `filename` is what the record stores and reports show. A `split` of None lets the converter
    choose. `data` may be bytes or a picklable function without arguments, called in a worker.
    `extra` adds features: name -> tuple of ints, floats, strings or bytes.
    """

    filename: str
    label: int
    split: str | None = None
    path: str | None = None
    data: bytes | Callable[[], bytes] | None = None
    extra: Mapping | None = None


@dataclasses.dataclass(frozen=True)
class DatasetSpec:
    """A data set to convert: names, pictures, and what is fixed about it.

    An empty `name` writes the file names of the older Inception tools. `class_names[i]` names
    record label i. `ignored` are (path, reason) pairs of litter that does not count as damage;
    `refused` are pairs that do. `validation_count` fixes the size of the split that the converter
    draws. `keep_duplicates` leaves a published split as it is. `source` stands for the content of
    examples whose data is a function (the archive's hash).
    """

    name: str
    class_names: Sequence[str]
    examples: Sequence[RawExample]
    ignored: Sequence[tuple] = ()
    refused: Sequence[tuple] = ()
    notes: Sequence[str] = ()
    background_class: bool = False
    validation_count: int | None = None
    default_shards: int | None = None
    keep_duplicates: bool = False
    source: str = ''


@dataclasses.dataclass(frozen=True)
class ConvertOptions:
    """What the user decides; None takes the default that the text of the flag names."""

    num_shards: int | None = None
    train_shards: int | None = None
    validation_shards: int | None = None
    validation_percentage: float = 10
    random_seed: int = 0
    reencode: str = 'png'
    max_side: int | None = None
    max_skipped_fraction: float = 0.1
    num_processes: int | None = None
    overwrite: bool = False
    command: str | None = None
