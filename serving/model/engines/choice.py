"""Choose the library that runs a model."""

from common import startup


def load(model_options, options):
    """Load a model and return its Engine; `options` are PredictorOptions."""
    # Late: it takes seconds to import TensorFlow.
    with startup.quiet(startup.FATAL):
        from serving.model.engines.tensorflow_engine import TensorFlowEngine

    return TensorFlowEngine(model_options, options)
