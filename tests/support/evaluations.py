"""Evaluate untrained checkpoints with the library call that the program makes."""

import csv
import json

import pytest

from support.files import classifier_files
from training.evaluation import program
from training.evaluation.evaluation_options import EvaluationOptions

INFO = classifier_files.describe()


class Program:
    """Evaluate one train_dir into one eval_dir."""

    def __init__(self, directory, data):
        self.train_dir, self.eval_dir = directory / 'run', directory / 'eval'
        self.data = data
        self.lines = []
        self.on_result = {}  # What happens after so many results.
        self.results = 0

    def save(self, step=1, seed=0, info=INFO, **options):
        return classifier_files.write(self.train_dir, info, seed, step, **options)

    def run(self, **typed):
        self.results = 0
        options = {
            'checkpoint_path': str(self.train_dir),
            'eval_dir': str(self.eval_dir),
            'dataset_dir': str(self.data),
            'dataset_name': classifier_files.NAME,
            'batch_size': 10,
            **typed,
        }
        return program.run(EvaluationOptions(**options), report=self.report)

    def watch(self, **typed):
        return self.run(eval_interval_secs=0, timeout_secs=0, **typed)

    def report(self, line):
        self.lines.append(line)
        if line.startswith('eval/Accuracy'):
            self.results += 1
            self.on_result.pop(self.results, lambda: None)()

    def json(self):
        # A strict reader: NaN is no JSON.
        return json.loads((self.eval_dir / 'metrics.json').read_text(), parse_constant=pytest.fail)

    def rows(self, name='metrics.csv'):
        with open(self.eval_dir / name, encoding='utf-8', newline='') as stream:
            return list(csv.DictReader(stream))

    def steps(self):
        return [int(row['step']) for row in self.rows()]
