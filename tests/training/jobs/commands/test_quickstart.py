"""quickstart.sh in this process: which steps are run, with stand-ins for the programs."""

import re

import pytest

from common.errors import UserError
from support.shell import programs as real_programs
from support.shell.quickstart_programs import STEPS


def test_every_step_is_done_and_then_the_accuracy_is_printed(quick):
    output = quick('--no_serve')
    assert quick.programs() == STEPS
    assert re.findall(r'^\[(\d)/7\]', output, re.MULTILINE) == list('1234567')
    assert len(re.findall(r'^      \d+ s$', output, re.MULTILINE)) == 7
    assert 'tulip.jpg  97.13% tulips' in output
    assert 'noise' not in output
    assert re.fullmatch(r'quickstart: validation accuracy 0\.9725, \d+ s', output.splitlines()[-1])
    assert re.match(r'next: .* -u .*server\.py\'? \'?--model_name=', output.splitlines()[-2])
    assert quick.calls()[-1][-2:] == [f'{quick.work}/pictures/{kind}/1.jpg' for kind in 'ab']
    freeze = quick.calls()[5]
    assert '--output_node_names=Out' in freeze
    assert '--nolimits' not in freeze
    assert (quick.setups, quick.server) == (1, None)
    # The server has a port of its own if none is given.
    assert '--port' not in output


def test_a_second_run_reuses_what_is_there(quick):
    quick('--no_serve')
    output = quick('--no_serve', '--no_setup')
    assert quick.programs() == ['download_and_convert_data', 'classify_image']
    assert output.count('done before') == 5
    assert 'validation accuracy 0.9725' in output
    assert quick.setups == 1


@pytest.mark.parametrize('changed', [{'edition': 'second'}, {'steps': '--steps=9'}])
def test_other_pictures_or_flags_are_trained_anew(quick, changed):
    quick('--no_serve')
    quick('--no_serve', *filter(None, [changed.pop('steps', '')]), **changed)
    assert quick.programs() == STEPS
    # The older training is gone, and was not resumed.
    assert (quick.work / 'train' / 'model').read_text() == 'x'


def test_then_the_server_is_started(quick):
    output = quick('--port', '5017')
    assert quick.server == [
        str(quick.checkout / 'server.py'),
        f'--model_name={quick.work}/model/sample_flowers.pb',
        '--port=5017',
    ]
    assert 'validation accuracy 0.9725' in output


def test_own_pictures_are_left_where_they_are(quick, tmp_path):
    images = tmp_path / 'my pictures'
    for name in ('one kind', 'other'):
        (images / name).mkdir(parents=True)
        (images / name / 'a b.png').touch()
    quick('--images', 'my pictures', '--no_serve')
    convert, train, *_, classify = quick.calls()
    assert convert[1:4] == [
        '--dataset_name=my_pictures',
        f'--dataset_dir={quick.work}/source',
        f'--output_directory={quick.work}/data',
    ]
    assert (quick.work / 'source' / 'my_pictures').resolve() == images
    assert '--dataset_name=my_pictures' in train
    # 20 pictures are 600 steps of 32 pictures only in this many epochs.
    assert train[-3:] == ['--num_epochs=960', '--max_number_of_steps=3000', '--seed=1']
    assert classify[-2:] == [f'{images}/one kind/a b.png', f'{images}/other/a b.png']
    assert sorted(path.name for path in images.iterdir()) == ['one kind', 'other']


@pytest.mark.parametrize('typed', [(), ('--images=pictures',)])
def test_the_programs_have_the_flags_of_the_steps(quick, tmp_path, typed):
    (tmp_path / 'pictures/a kind').mkdir(parents=True)
    quick('--no_serve', *typed)
    assert quick.programs() == STEPS
    for program, *arguments in quick.calls():
        groups = real_programs.flags_by_heading(f'{program}.py')
        known = {name for names in groups.values() for name in names}
        flags = {flag[2:].split('=')[0] for flag in arguments if flag.startswith('--')}
        assert flags <= known, program


def test_a_failed_step_says_why_and_is_tried_again(quick):
    log = f'{quick.work}/train.log'
    with pytest.raises(
        UserError, match=f"^the step 'train mobilenet_v1_025 at 128 pixels' failed; .* {log}$"
    ):
        quick('--no_serve', fails='train_image_classifier')
    assert quick.errors == 'error: --batch_size=0: must be at least 1\n'
    assert 'accuracy' not in quick.output
    quick('--no_serve')
    assert quick.programs() == STEPS


def test_pictures_that_are_too_few_to_calibrate_still_give_a_classifier(quick):
    output = quick('--no_serve', fails='calibrate_image_classifier')
    assert quick.errors == 'error: --batch_size=0: must be at least 1\n'
    assert 'so the model has no limits' in output
    assert 'validation accuracy 0.9725' in output
    assert '--nolimits' in quick.calls()[5]
    # The calibration is tried again; then its result belongs into the file.
    quick('--no_serve')
    assert quick.programs() == [STEPS[0], *STEPS[3:4], *STEPS[5:]]
    assert '--nolimits' not in quick.calls()[2]


def test_a_directory_with_other_files_is_left_alone(quick):
    (quick.work / 'train').mkdir(parents=True)
    with pytest.raises(UserError, match=f'^--dir={quick.work}: contains other files'):
        quick('--no_serve')
    assert quick.calls() == []


def test_a_file_in_place_of_the_directory_is_left_alone(quick):
    quick.work.parent.mkdir(parents=True, exist_ok=True)
    quick.work.write_text('mine')
    with pytest.raises(UserError, match=f'^--dir={quick.work}: cannot be written'):
        quick('--no_serve')
    assert quick.work.read_text() == 'mine'


@pytest.mark.parametrize(
    ('typed', 'words'),
    [
        (['--no_server'], 'unrecognized arguments: --no_server; --help lists'),
        (['--images'], '--images: expected one argument'),
        (['--images=nowhere'], '--images=nowhere: no such folder'),
        (['--steps=few'], "--steps: invalid int value: 'few'"),
    ],
)
def test_a_mistake_is_found_before_anything_is_installed(quick, typed, words):
    with pytest.raises(UserError, match=re.escape(words)):
        quick(*typed)
    assert (quick.calls(), quick.setups, quick.work.exists()) == ([], 0, False)
