"""The options of programs that read the features of a trained network."""

import dataclasses

from common.checks import COUNT, DECAY
from common.options import Options, option

MODEL = 'Checkpoint and network'


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkOptions(Options):
    """Which network a checkpoint is of, and how pictures are prepared; None means not given."""

    model_name: str | None = option(
        MODEL, None, 'The network. If not given, the one in model.json.'
    )
    preprocessing_name: str | None = option(
        MODEL,
        None,
        "The preprocessing. If not given, the one used in training, or the network's own.",
    )
    image_size: int | None = option(
        MODEL,
        None,
        "Side of the input in pixels. If not given, the one used in training, or the network's "
        'own.',
        COUNT,
    )
    use_grayscale: bool | None = option(
        MODEL, None, 'The network takes pictures of one channel.', shown=False
    )
    use_moving_averages: bool | None = option(
        MODEL, None, 'Use the moving averages if the network was trained with them.', shown=True
    )
    moving_average_decay: float | None = option(
        MODEL,
        None,
        'Use the moving averages of a checkpoint without model.json (any value but 0).',
        DECAY,
    )
    features_dir: str | None = option(
        MODEL,
        None,
        'Directory in which features are kept. If not given, features in --dataset_dir.',
        is_path=True,
    )
