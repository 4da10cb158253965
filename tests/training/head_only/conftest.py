"""What the tests of trained heads share."""

import pytest
import tensorflow.compat.v1 as tf


@pytest.fixture
def graph():
    """Make a new graph the default one."""
    with tf.Graph().as_default() as graph:
        yield graph
