"""export_freeze.sh: two programs that must agree, and the files that they write."""

import json
import os
import shlex

import pytest

from classifiers import model_info
from common.errors import UserError
from training.jobs import programs


@pytest.fixture
def export(commands, monkeypatch):
    """Return the command; its first program writes the description of a graph."""
    record = programs.run

    def run(command, environment):
        record(command, environment)
        flags = dict(word[2:].split('=', 1) for word in command if word.startswith('--output_file'))
        for path in flags.values():
            with open(model_info.beside_graph(path), 'w') as stream:
                json.dump({'nodes': {'output': 'Net/Predictions'}}, stream)

    monkeypatch.setattr(programs, 'run', run)
    return lambda *typed: commands('export_freeze', *typed)


def test_both_programs_agree(commands, export):
    train_dir = commands.home / 'train/my_flower_5_inception_v4'
    train_dir.mkdir(parents=True)
    (train_dir / 'model.json').touch()
    typed = ['--nouse_moving_averages', '--image_size=128', '--', '--clear_devices']
    exported, frozen = export(*typed)
    assert exported.flags == [
        '--output_file=./my_inception_v4.pb',
        f'--checkpoint_path={train_dir}',
        '--model_name=inception_v4',
        '--nouse_moving_averages',
        '--image_size=128',
    ]
    assert frozen.flags == [
        '--input_graph=./my_inception_v4.pb',
        '--input_binary=True',
        f'--input_checkpoint={train_dir}',
        '--output_graph=./my_inception_v4_freeze.pb',
        '--output_node_names=Net/Predictions',
        '--nouse_moving_averages',
        '--clear_devices',
    ]


@pytest.mark.parametrize('typed', [['--int8'], ['--', '--int8']])
def test_the_freezing_quantizes_with_the_pictures_of_the_settings(commands, export, typed):
    exported, frozen = export(*typed)
    assert '--int8' not in exported.flags
    data = ['--dataset_name=my_flower_5', f'--dataset_dir={commands.home}/data/flower']
    assert sorted(frozen.flags[-3:]) == sorted([*data, '--int8'])


def test_without_a_description_the_data_set_gives_the_classes(commands, export):
    exported, _ = export()
    assert exported.flags[-2:] == [
        '--dataset_name=my_flower_5',
        f'--dataset_dir={commands.home}/data/flower',
    ]


def test_an_older_checkpoint_is_frozen_into_the_chosen_folder(commands, export, monkeypatch):
    out = commands.here / 'new folder'
    monkeypatch.setenv('EXPORT_DIR', str(out))
    exported, frozen = export('--checkpoint_path=/runs/model.ckpt-5')
    assert exported.flags[-1] == '--checkpoint_path=/runs/model.ckpt-5'
    assert '--input_checkpoint=/runs/model.ckpt-5' in frozen.flags
    assert f'--output_graph={out}/my_inception_v4_freeze.pb' in frozen.flags


@pytest.fixture
def data(commands):
    """Return the directory of the records."""
    data = commands.home / 'data/flower'
    data.mkdir(parents=True)
    (data / 'my_flower_5.manifest.json').touch()
    return data


def test_the_onnx_file_is_checked_on_pictures_of_the_data_set(commands, export, data):
    _, _, frozen = export('--', '--dataset_name=mine')
    assert frozen.flags[-3:] == [
        '--dataset_name=my_flower_5',
        f'--dataset_dir={data}',
        '--dataset_name=mine',  # The last one counts.
    ]
    (data / 'my_flower_5.converting').touch()
    _, frozen = export()
    assert not [flag for flag in frozen.flags if flag.startswith('--dataset')]


def test_the_limits_are_learnt_before_the_freezing(commands, export, data):
    exported, calibrated, frozen = export('--nouse_moving_averages', '--image_size=128')
    assert calibrated.program == 'calibrate_image_classifier.py'
    assert calibrated.flags == [
        '--nouse_moving_averages',
        f'--checkpoint_path={exported.values["checkpoint_path"]}',
        '--model_name=inception_v4',
        '--image_size=128',
        '--dataset_name=my_flower_5',
        f'--dataset_dir={data}',
        '--only_if_stale',
    ]
    assert frozen.program == 'freeze_graph.py'
    assert not {'--limits', '--nolimits'} & {*exported.flags, *frozen.flags}


def test_without_limits_nothing_is_calibrated(export, data):
    exported, frozen = export('--nolimits')
    assert '--nolimits' in exported.flags
    assert '--nolimits' in frozen.flags


def test_pictures_that_are_too_few_for_limits_do_not_prevent_the_export(
    commands, export, data, capsys
):
    commands.status = 1
    _, _, frozen = export()
    assert '--nolimits' in frozen.flags
    assert capsys.readouterr().err == 'exported without limits, for the reason above\n'


def test_limits_that_are_asked_for_must_be_learnt(commands, export, data, capsys):
    commands.status = 1
    with pytest.raises(SystemExit):
        export('--limits')
    commands.status = 0
    *_, frozen = export('--limits')
    assert '--limits' in frozen.flags


def test_ctrl_c_during_the_calibration_ends_the_export(commands, export, data):
    commands.status = -2
    with pytest.raises(SystemExit):
        export()


def test_the_onnx_files_are_named(commands, export, capsys):
    with open(commands.here / 'my_inception_v4_freeze.json', 'w') as stream:
        json.dump({'onnx': {'int8': 'hash', 'float32': 'hash'}}, stream)
    export()
    assert capsys.readouterr().out.splitlines()[2:4] == [
        'for ONNX Runtime:   ./my_inception_v4_freeze.onnx',
        'for ONNX Runtime:   ./my_inception_v4_freeze.int8.onnx',
    ]


@pytest.mark.parametrize(
    ('typed', 'graph', 'description'),
    [
        ('~/x.pb', '{home}/x.pb', '{home}/x.json'),
        ('lenet.v2', 'lenet.v2', 'lenet.v2.json'),
        ('in text.pbtxt', 'in text.pbtxt', 'in text.json'),
    ],
)
def test_a_graph_may_have_any_path(commands, capsys, monkeypatch, typed, graph, description):
    graph, description = (path.format(home=commands.home) for path in (graph, description))
    # The program itself resolves a leading `~`.
    with open(commands.here / description, 'w') as stream:
        json.dump({'nodes': {'output': 'Net/Predictions'}}, stream)
    _, frozen = commands(
        'export_freeze', f'--output_file={typed}', '--', f'--output_graph={typed}2'
    )
    assert frozen.values['input_graph'] == graph
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        f'the network:        {graph}',
        f'with its weights:   {graph}2',
        f'names of classes:   {graph}2.label',
        f'what it is:         {graph}2.json',
    ]
    classify, server = (shlex.split(line) for line in lines[4:])
    assert classify[-2:] == [f'--model={graph}2', 'PICTURES']
    assert server[-1] == f'--model_name={graph}2'


def test_the_usual_names_are_printed_and_found_by_the_next_scripts(commands, export, capsys):
    export()
    scripts = f'{commands.root}/scripts'
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:4] == [
        'names of classes:   ./my_inception_v4_freeze.label',
        'what it is:         ./my_inception_v4_freeze.json',
    ]
    assert [shlex.split(line)[1:] for line in lines[4:]] == [
        [f'{scripts}/classify.sh', 'PICTURES'],
        [f'{scripts}/server.sh'],
    ]


@pytest.mark.parametrize('flags', [['--format=tflite'], ['--format', 'tflite']])
def test_other_formats_are_not_frozen(commands, flags):
    with pytest.raises(UserError, match=r'^--format=tflite: only a graph_def is frozen here; '):
        commands('export_freeze', *flags)
    assert os.listdir(commands.here) == []


def test_a_summary_freezes_nothing(commands):
    (call,) = commands('export_freeze', '--summarize=a graph.pb')
    assert (call.program, call.flags) == (
        'export_inference_graph.py',
        ['--summarize=a graph.pb'],
    )
    assert os.listdir(commands.here) == []
