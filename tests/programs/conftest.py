import pytest

_MISSING = (
    'google_crc32c', 'keras', 'onnx', 'sklearn', 'tensorboard', 'tensorflow', 'tf2onnx', 'tf_slim',
)  # fmt: skip
_MODULE = """
import os
with open({record!r}, 'a') as stream:
    print(__name__, os.getpid(), file=stream)
raise ModuleNotFoundError(f"No module named '{{__name__}}'", name=__name__)
"""


@pytest.fixture
def missing_tensorflow(tmp_path_factory, monkeypatch):
    """Hide what only training and export need from the programs that a test starts.

    Return a function that lists the attempts to import it.
    """
    folder = tmp_path_factory.mktemp('missing')
    record = folder / 'attempts'
    for name in _MISSING:
        (folder / f'{name}.py').write_text(_MODULE.format(record=str(record)))
    monkeypatch.setenv('PYTHONPATH', str(folder))
    return lambda: record.read_text().splitlines() if record.exists() else []
