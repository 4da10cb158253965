"""The hook that computes the features before the first step."""

import types

import pytest
import tensorflow.compat.v1 as tf

from training.head_only.feature_pass import FeaturePass


@pytest.mark.parametrize(
    ('is_over', 'is_complete', 'passes', 'stops'),
    [
        (False, True, 1, False),
        (False, False, 1, True),  # The user stopped the program during the pass.
        (True, True, 0, True),  # No step remains.
    ],
)
def test_the_pass_runs_once_before_the_first_step(is_over, is_complete, passes, stops):
    calls = []

    def compute(session, stop):
        calls.append((session, stop))
        return is_complete

    coordinator = tf.train.Coordinator()
    if is_over:
        coordinator.request_stop()
    hook = FeaturePass(types.SimpleNamespace(compute=compute), 'the stop')
    hook.after_create_session('the session', coordinator)
    assert calls == [('the session', 'the stop')] * passes
    assert coordinator.should_stop() == stops
