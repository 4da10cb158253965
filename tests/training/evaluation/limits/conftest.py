"""What the tests of evaluations with limits share."""

import dataclasses

import numpy as np
import pytest

from heads.limits import limits_files
from heads.limits.limits import PredictionSets
from support.evaluations import INFO
from support.files import classifier_files, limited_models, records
from training.evaluation.evaluator import Evaluator

LAYER = 'pool2'
SETS = PredictionSets(1.2, 'lac', {'lac': {'0.9': 0.31}, 'aps': {'0.9': 0.9, '0.95': 0.97}})
ENCODED = [records.encoded(records.picture(100 + number), 'png') for number in range(6)]


@dataclasses.dataclass
class Limited:
    """A checkpoint with limits, of which most pictures of its split are within."""

    program: object
    path: str
    limits: object

    def evaluator(self, **options):
        """Return an Evaluator of the checkpoint."""
        dataset = classifier_files.dataset(self.program.data)
        evaluator = Evaluator(INFO, dataset, limits=self.limits, **{'batch_size': 10, **options})
        evaluator.restore(self.path)
        return evaluator


@pytest.fixture
def limited(program):
    """Write a checkpoint with limits for the program."""
    path = program.save()
    learnt = limited_models.learnt(str(program.train_dir), LAYER)
    batches = []
    with Limited(program, path, learnt).evaluator() as evaluator:
        evaluator.count(batches.append)
    scores = np.concatenate([batch.verdicts.unknown_scores for batch in batches])
    limits = dataclasses.replace(learnt, threshold=float(np.quantile(scores, 0.8)), sets=SETS)
    limits_files.write(path, limits)
    return Limited(program, path, limits)


@pytest.fixture
def strange(tmp_path):
    """Return a folder with pictures of no class, in subfolders, and a file that is not one."""
    folder = tmp_path / 'strange'
    (folder / 'more').mkdir(parents=True)
    for number, data in enumerate(ENCODED):
        name = f'{number}.png' if number % 2 else f'more/{number}.png'
        (folder / name).write_bytes(data)
    (folder / 'readme.txt').write_text('nothing to see')
    return folder
