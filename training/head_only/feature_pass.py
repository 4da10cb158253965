"""The hook that computes the features before the first step."""

import tensorflow.compat.v1 as tf


class FeaturePass(tf.train.SessionRunHook):
    """Compute the features in a new session, with the weights that it will train and save."""

    def __init__(self, cache, stop):
        self._cache = cache
        self._stop = stop

    def after_create_session(self, session, coord):
        """Compute the features, unless no step remains or the user stops the program."""
        if not coord.should_stop() and not self._cache.compute(session, self._stop):
            coord.request_stop()
