"""env_set.sh as Python reads it, and the commands that scripts propose."""

import shlex

import pytest

from common.errors import UserError
from support.shell.script_checkout import clean_environment
from training.jobs import programs, settings


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """Return a function that adds a line to a copy of env_set.sh, in a clean environment."""
    copy = tmp_path / 'env_set.sh'
    copy.write_text((programs.SCRIPTS / 'env_set.sh').read_text())
    monkeypatch.setattr(programs, 'SCRIPTS', tmp_path)
    monkeypatch.setattr('os.environ', {**clean_environment(), 'HOME': '/my home'})

    def add(line):
        with copy.open('a') as stream:
            stream.write(line + '\n')

    return add


def test_the_values_are_those_of_the_file(edited):
    known = settings.read()
    assert known.train_dir == '/my home/train/my_flower_5_inception_v4'
    assert known.eval_dir == f'{known.train_dir}/eval'
    assert known.frozen_graph == './my_inception_v4_freeze.pb'
    assert known.environment['DATASET_DIR'] == known.dataset_dir == '/my home/data/flower'


def test_what_is_set_is_kept_and_the_rest_derives_from_it(edited):
    known = settings.read(MODEL_NAME='lenet', EXPORT_DIR='out/', UPLOAD_DIR='')
    assert known.train_dir == '/my home/train/my_flower_5_lenet'
    assert known.frozen_graph == 'out/my_lenet_freeze.pb'
    assert known.upload_dir == ''


def test_programs_get_what_the_file_exports_and_nothing_of_what_it_prints(edited, capfd):
    edited('export MINE="two\nlines"; echo hello')
    assert settings.read().environment['MINE'] == 'two\nlines'
    assert capfd.readouterr() == ('', 'hello\n')


def test_a_variable_counts_even_if_the_file_does_not_export_it(edited):
    edited('export -n EVAL_DIR; EVAL_DIR=/mine')
    known = settings.read()
    assert known.eval_dir == known.environment['EVAL_DIR'] == '/mine'


def test_settings_that_the_file_lacks_are_empty(edited):
    edited('unset EVAL_DIR')
    assert settings.read().following(['--train_dir=/other']).eval_dir == ''


def test_a_mistake_in_the_file_is_named(edited, tmp_path):
    edited('cd /no/such/directory')
    with pytest.raises(UserError, match=f'^{tmp_path}/env_set.sh: cannot be read'):
        settings.read()


def words(known, name, *typed):
    line = settings.next_command('../scripts/this.sh', known, name, *typed)
    assert line.startswith('next: ')
    return shlex.split(line.removeprefix('next: '))


def test_the_next_command_has_the_settings_that_differ(edited):
    known = settings.read(DATASET_NAME='two kinds', EVAL_DIR='/e', UPLOAD_DIR='/u')
    script = '../scripts/run_eval.sh'
    assert words(known, 'run_eval.sh') == ['DATASET_NAME=two kinds', 'EVAL_DIR=/e', script]
    assert words(known, 'server.sh', 'a b') == ['UPLOAD_DIR=/u', '../scripts/server.sh', 'a b']


def test_a_script_called_by_its_bare_name_proposes_one_in_the_same_folder(edited):
    line = settings.next_command('run_train.sh', settings.read(), 'run_eval.sh')
    assert line == 'next: ./run_eval.sh'


def test_arguments_take_the_place_of_settings(edited):
    known = settings.read().following(['--train_dir=~/a run', '--model_name', 'lenet'])
    assert (known.train_dir, known.model_name) == ('/my home/a run', 'lenet')
    assert known.eval_dir == '/my home/a run/eval'
    assert words(known, 'run_eval.sh')[:2] == ['MODEL_NAME=lenet', 'TRAIN_DIR=/my home/a run']


def test_an_eval_dir_of_the_environment_is_kept(edited, monkeypatch):
    monkeypatch.setitem(settings.os.environ, 'EVAL_DIR', '/e')
    assert settings.read().following(['--train_dir=/t']).eval_dir == '/e'


@pytest.mark.parametrize(
    ('network', 'path'),
    [
        ('mobilenet_v1_025', 'mobilenet_v1_0.25_128/mobilenet_v1_0.25_128.ckpt'),
        ('resnet_v1b_50', 'timm_resnet50.a1_in1k/resnet_v1b_50.ckpt'),
    ],
)
def test_downloaded_weights_are_found_whatever_their_folder_is_called(
    edited, tmp_path, network, path
):
    given = {'MODEL_NAME': network, 'PRETRAINED_DIR': str(tmp_path)}
    usual = tmp_path / network / f'{network}.ckpt'
    assert settings.read(**given).checkpoint_path == str(usual)
    (tmp_path / path).parent.mkdir()
    (tmp_path / path).with_name('model.json').touch()
    known = settings.read(**given)
    assert known.checkpoint_path == str(tmp_path / path)
    # Another script finds them in the same way, so it is not told.
    assert 'CHECKPOINT_PATH' not in ' '.join(words(known, 'run_train.sh'))
    # What the user sets counts, and so does what is in the usual place.
    for chosen in ('', '/mine.ckpt'):
        assert settings.read(**given, CHECKPOINT_PATH=chosen).checkpoint_path == chosen
    usual.parent.mkdir()
    usual.with_name(f'{network}.ckpt.index').touch()
    assert settings.read(**given).checkpoint_path == str(usual)
