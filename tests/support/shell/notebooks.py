"""Notebooks, executed as Jupyter does.

To execute a notebook and store its outputs in it:

python tests/support/shell/notebooks.py docs/tutorial.ipynb
"""

import sys
from pathlib import Path

import nbclient
import nbformat


def executed(path, timeout=300):
    """Return a notebook with the outputs of this run; a cell that fails raises its error."""
    notebook = nbformat.read(path, as_version=4)
    kernel = dict(notebook.metadata)
    client = nbclient.NotebookClient(
        notebook,
        timeout=timeout,
        resources={'metadata': {'path': str(path.parent)}},
        record_timing=False,
        coalesce_streams=True,
    )
    client.execute()
    # Without the versions of this machine.
    notebook.metadata = nbformat.from_dict(kernel)
    return notebook


if __name__ == '__main__':
    for name in sys.argv[1:]:
        nbformat.write(executed(Path(name).resolve()), name)
