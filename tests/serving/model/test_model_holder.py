"""A model is exchanged while requests go on, and a bad file changes nothing."""

import os
import threading

import pytest

from common.errors import UserError
from serving.model import model_holder, model_trial
from serving.model.model_holder import ModelHolder, NotReadyError
from serving.model.model_options import ModelOptions
from support.files import checkpoint_files, small_models


class FakePredictor:
    def __init__(self, version):
        self.version = version
        self.is_closed = False

    def close(self):
        self.is_closed = True


class Disk:
    """Stands in for the files: what they are, and whether they load."""

    def __init__(self):
        self.signature = 'first'
        self.error = None
        self.made = []

    def make(self, version, found=None):
        if self.error:
            raise self.error
        self.made.append(FakePredictor(version))
        return self.made[-1]

    def holder(self, report=lambda line: None):
        return ModelHolder(self.make, lambda found=None: self.signature, report)


def test_without_a_model_nothing_is_lent():
    disk = Disk()
    disk.error = UserError('a.pb: No such file or directory')
    holder = disk.holder()
    with pytest.raises(UserError, match=r'a\.pb'):
        holder.load()
    assert not holder.is_ready
    with pytest.raises(NotReadyError), holder.lease():
        pass


def test_a_new_model_is_lent_to_new_requests_and_the_old_one_outlives_its_own():
    disk = Disk()
    holder = disk.holder()
    holder.load()
    with holder.lease() as old:
        disk.signature = 'second'
        assert holder.poll() == 'second'  # It may still be written.
        assert holder.version == 1
        holder.poll('second')
        assert holder.version == 2
        with holder.lease() as new:
            assert (old.version, new.version) == (1, 2)
        assert not old.is_closed
    assert old.is_closed
    assert not new.is_closed
    holder.close()
    assert new.is_closed
    assert not holder.is_ready


def test_files_that_do_not_load_leave_the_old_model_and_say_so():
    disk, report = Disk(), []
    holder = disk.holder(report.append)
    holder.load()
    disk.signature, disk.error = 'broken', UserError('a.pb: damaged')
    holder.poll('broken')
    holder.poll('broken')  # It is not tried again and again.
    assert len(report) == 1
    assert 'KEPT the model of version 1: a.pb: damaged' in report[0]
    assert holder.last_error == 'a.pb: damaged'
    disk.signature = None  # Removed.
    holder.poll(None)
    with holder.lease() as lent:
        assert lent.version == 1
    disk.signature, disk.error = 'mended', None
    holder.poll('mended')
    assert (holder.version, holder.last_error) == (2, '')
    assert disk.made[0].is_closed
    holder.close()


def test_the_watching_thread_finds_the_change_and_ends():
    disk = Disk()
    exchanged = threading.Event()
    holder = disk.holder(lambda line: exchanged.set())
    holder.load()
    holder.start_watching(poll_secs=0.01)
    disk.signature = 'second'
    assert exchanged.wait(30)
    holder.close()
    assert holder.version == 2
    assert all(predictor.is_closed for predictor in disk.made)


def test_files_that_cannot_be_looked_at_do_not_end_the_watching():
    disk, exchanged, reports = Disk(), threading.Event(), []
    failures = iter([UserError('models: cannot be read')] * 3)

    def look(found=None):
        if disk.made and (failure := next(failures, None)):
            raise failure
        return disk.signature

    def report(line):
        reports.append(line)
        disk.signature = 'second'
        if 'Replaced' in line:
            exchanged.set()

    holder = ModelHolder(disk.make, look, report)
    holder.load()
    holder.start_watching(poll_secs=0.01)
    assert exchanged.wait(30)
    holder.close()
    assert reports[0] == 'CANNOT LOOK for a new model: models: cannot be read'
    assert len(reports) == 2  # It is said once.


def test_every_file_of_a_model_counts(tmp_path):
    directory = small_models.train_dir(tmp_path / 'train')
    graph = small_models.frozen(tmp_path / 'a.pb', directory)
    labels = tmp_path / 'other.label'
    cases = [
        (
            ModelOptions(graph),
            [graph, tmp_path / 'a.json', tmp_path / 'a.label', tmp_path / 'a.onnx'],
        ),
        (ModelOptions(graph, label_file=os.fspath(labels)), [labels]),
        (ModelOptions(directory), [tmp_path / 'train/model.ckpt-1.index']),
    ]
    for options, paths in cases:
        for path in paths:
            before = model_holder.signature(options)
            with open(path, 'ab') as stream:
                stream.write(b' ')
            assert model_holder.signature(options) != before, path
    checkpoint_files.write(directory, step=2)
    assert 'model.ckpt-2' in str(model_holder.signature(ModelOptions(directory)))
    assert model_holder.signature(ModelOptions(os.fspath(tmp_path / 'none.pb'))) is None


def test_a_model_that_fails_its_trial_is_not_loaded():
    """Whatever it is: the trial comes before the first step in this process."""
    disk, reports = Disk(), []

    def try_out(stop, found):
        assert not stop.is_set()
        raise UserError('a.pb: trying it ended the process with SIGFPE')

    holder = ModelHolder(disk.make, lambda found=None: disk.signature, reports.append, try_out)
    holder.load()
    disk.signature = 'second'
    holder.poll('second')
    assert [predictor.version for predictor in disk.made] == [1]
    assert reports == ['KEPT the model of version 1: a.pb: trying it ended the process with SIGFPE']
    holder.close()


def test_files_that_change_during_their_trial_are_tried_again():
    disk, tried, reports = Disk(), [], []

    def try_out(stop, found):
        tried.append(disk.signature)
        if disk.signature == 'second':
            disk.signature = 'third'

    holder = ModelHolder(disk.make, lambda found=None: disk.signature, reports.append, try_out)
    holder.load()
    disk.signature = 'second'
    holder.poll('second')
    assert holder.version == 1
    assert reports == [f'KEPT the model of version 1: {holder.last_error}']
    assert 'its files changed during the trial' in reports[0]
    holder.poll('third')
    assert (tried, holder.version, holder.last_error) == (['second', 'third'], 2, '')
    holder.close()


@pytest.mark.parametrize(
    'error', [model_trial.ShortageError('a.pb: no memory'), OSError('no fork')]
)
def test_a_shortage_is_not_the_fault_of_the_model(error):
    disk, tried, now, reports = Disk(), [], [0.0], []

    def try_out(stop, found):
        tried.append(now[0])
        if len(tried) < 3:
            raise error

    def look(found=None):
        return disk.signature

    holder = ModelHolder(disk.make, look, reports.append, try_out, clock=lambda: now[0])
    holder.load()
    disk.signature = 'second'
    for now[0] in range(0, 300, 10):
        holder.poll('second')
    assert tried == [0, 30, 90]
    assert (holder.version, holder.last_error) == (2, '')
    assert reports[0].endswith('(tried again in 30 seconds)')
    holder.close()


def test_a_checkpoint_is_served_though_training_writes_the_next(tmp_path, monkeypatch):
    directory = small_models.train_dir(tmp_path / 'train')
    tried, made = [], []

    def try_out(options, *_):
        tried.append(os.path.basename(options.path))
        checkpoint_files.write(directory, step=1 + len(tried) + 1)

    def make(options, *others):
        made.append(os.path.basename(options.path))
        return FakePredictor(others[-1])

    monkeypatch.setattr(model_trial, 'run', try_out)
    monkeypatch.setattr(model_holder, 'Predictor', make)
    holder = model_holder.for_model(
        ModelOptions(directory), report=lambda line: None, trial=model_trial.TrialLimits()
    )
    holder.load()
    checkpoint_files.write(directory, step=2)
    for _ in range(2):
        holder.poll(holder.poll())
    assert tried == ['model.ckpt-2', 'model.ckpt-3']
    assert made == ['train', 'model.ckpt-2', 'model.ckpt-3']
    assert holder.version == 3
    holder.close()


def test_the_end_of_the_server_ends_a_trial():
    disk, entered, reports = Disk(), threading.Event(), []

    def try_out(stop, found):
        entered.set()
        assert stop.wait(60)
        raise model_trial.StoppedError

    holder = ModelHolder(disk.make, lambda found=None: disk.signature, reports.append, try_out)
    holder.load()
    holder.start_watching(poll_secs=0.01)
    disk.signature = 'second'
    assert entered.wait(60)
    holder.close()
    assert reports == []
