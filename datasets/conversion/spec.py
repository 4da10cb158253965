"""What a data set to convert consists of: the one thing that sources hand to the converter."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence


@dataclasses.dataclass(frozen=True, slots=True)
class RawExample:
    """One picture before conversion: a `path`, its bytes, or a function that returns its bytes.

    `filename` is stored in the record and shown in reports. If `split` is None, the converter
    chooses one. A function in `data` takes no arguments and must be picklable: workers call it.
    `extra` adds features to the record: name -> tuple of ints, floats, strings or bytes.
    """

    filename: str
    label: int
    split: str | None = None
    path: str | None = None
    data: bytes | Callable[[], bytes] | None = None
    extra: Mapping | None = None


@dataclasses.dataclass(frozen=True)
class DatasetSpec:
    """A data set to convert: its name, classes and pictures.

    If `name` is empty, the files are named as the older Inception tools name them.
    `class_names[i]` is the name of record label i. `ignored` and `refused` hold (path, reason)
    pairs: files that are no pictures, and files that should have been. `validation_count` fixes
    the size of the validation split that the converter draws. `keep_duplicates` keeps copies in
    published splits. `source` identifies the content of examples whose data is a function (the
    hash of their archive).
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
