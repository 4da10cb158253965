"""Use a trained classifier: export it, freeze it, classify pictures, serve it.

from serving import load_classifier

with load_classifier('X.onnx') as classifier:
    print(classifier.classify('cat.jpg').label)
"""

from common.errors import UserError
from pictures.kinds import BadImage

__all__ = ['BadImage', 'UserError', 'load_classifier']


def load_classifier(path, **options):
    """Return the Classifier of an ONNX file, a frozen graph, a checkpoint or a train_dir.

    Options are the flags of classify_image.py for a model: `engine`, `precision`, `label_file`,
    `model_name`, `labels_offset` and so on. Raise UserError if the model cannot be used.
    """
    # Late: `import serving` loads no other library.
    from serving.library import Classifier

    return Classifier(path, **options)
