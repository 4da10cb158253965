"""The process that measures one network: it loads TensorFlow without its messages."""

import json

from common import logs, startup


def run(request, path):
    """Measure the network of a request, and write the result to a file; both are JSON."""
    startup.set_verbosity(False)
    with startup.quiet():
        from training.jobs.comparison import measurement

    logs.start()
    measurement.write(json.loads(request), path)
