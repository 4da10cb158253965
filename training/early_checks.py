"""Mistakes that show at once: programs look for them before they import TensorFlow.

What is found here is found again, and in the same words, where the files are used.
"""

import os

from classifiers import checkpoint_paths
from common.errors import UserError
from datasets.records import manifest, record_files


def training(options):
    """Check that the records are there, and the checkpoint that a new run begins with."""
    if options.job_name == 'ps' or 'TF_CONFIG' in os.environ:
        return  # A parameter server reads nothing.
    _require_records(options, options.dataset_split_name)
    # A run that resumes has no use for it.
    if options.checkpoint_path and not checkpoint_paths.may_hold_one(options.train_dir):
        checkpoint_paths.require(options.checkpoint_path)


def evaluation(options):
    """Check that the records are there, and the checkpoint unless it is waited for."""
    _require_records(options, options.dataset_split_name)
    if options.interval_secs is None:
        checkpoint_paths.require(options.checkpoint_path)


def _require_records(options, split_name):
    directory, name = options.dataset_dir, options.dataset_name
    if not directory:
        raise UserError('--dataset_dir is missing: the directory that holds the records')
    manifest.require_directory(directory, name or '')
    if name is None or split_name is None:
        return  # Which ones are meant is found out with the model.
    manifest.require_finished(directory, name)
    described = manifest.find(directory, name)
    if described:
        manifest.require_split(described, split_name, directory)
    else:
        record_files.find(directory, name, split_name)
