"""Load a frozen model for a program that passes whole batches to it, without a queue."""

from serving.model.engines import choice
from serving.model.model_options import ModelOptions, PredictorOptions


def load(path, engine, precision, **given):
    """Return an Engine; `given` are further fields of ModelOptions, None for not given."""
    options = PredictorOptions(
        engine=engine, precision=precision, max_concurrency=1, max_batch_size=1
    )
    return choice.load(ModelOptions(path=path, **given), options)
