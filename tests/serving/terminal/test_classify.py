"""Pictures of a command line become rows: all of them, in order, whatever is wrong with some."""

import csv
import io
import json
import os
import shutil

import numpy as np
import pytest

from classifiers import model_info
from classifiers.verdicts import Outcome
from common import imagenet
from common.errors import UserError
from pictures import gate
from serving.model.model_options import ModelOptions
from serving.model.predictor import Predictor
from serving.terminal import classify as classify_module
from serving.terminal import classify_options, row_formats
from serving.terminal.classify import classify
from serving.terminal.classify_options import ClassifyOptions
from serving.terminal.picture_arguments import PictureFile, find_pictures
from serving.terminal.row_formats import FORMATS
from support.files import checkpoint_files, onnx_models, pictures, small_models


def write(folder, files):
    """Write {name: bytes} below a folder, and return it."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def photo(kind='JPEG', side=20):
    return pictures.encoded(pictures.as_image(pictures.colours(side, side)), kind)


def run(model, *paths, **options):
    """Return (exit status, what was printed)."""
    stream = io.StringIO()
    options = ClassifyOptions(model=model, paths=tuple(map(os.fspath, paths)), **options)
    return classify(options, stream), stream.getvalue()


def test_one_picture_is_a_table_best_first(graph, tmp_path):
    path = write(tmp_path, {'a.jpg': photo()}) / 'a.jpg'
    status, printed = run(graph, path)
    rows = [line.split() for line in printed.splitlines()]
    assert status == 0
    assert sorted(name for name, _ in rows) == sorted(small_models.CLASSES)
    percents = [float(percent.rstrip('%')) for _, percent in rows]
    assert percents == sorted(percents, reverse=True)
    assert sum(percents) == pytest.approx(100, abs=0.1)
    assert len({len(line) for line in printed.splitlines()}) == 1
    assert len(run(graph, path, num_top_predictions=2)[1].splitlines()) == 2


def test_every_file_is_a_row_and_bad_ones_say_why(graph, directory, tmp_path, capsys):
    good = {name: case.data for name, case in pictures.all_good().items()}
    bad = {f'broken/{name}': data for name, (data, _) in pictures.bad_files().items()}
    folder = write(tmp_path / 'pictures', {**good, **bad, '.DS_Store': b'x', '.hidden.jpg': b''})
    missing = tmp_path / 'missing.jpg'
    for ending in ('.pb', '.json'):
        shutil.copy(model_info.stem(graph) + ending, tmp_path / f'copy{ending}')
    onnx = onnx_models.write_beside(tmp_path / 'copy.pb')
    results = []
    for model, batch_size in ((graph, 7), (directory, 7), (onnx, None)):
        status, printed = run(model, folder, missing, format='csv', batch_size=batch_size)
        assert status == 1
        results.append(list(csv.DictReader(io.StringIO(printed))))
    rows = {os.path.relpath(row['file'], folder): row for row in results[0]}
    assert list(rows) == [*sorted([*good, *bad], key=os.fsencode), '../missing.jpg']
    for name, (_, reason) in pictures.bad_files().items():
        assert reason in rows[f'broken/{name}']['error']
    assert rows['../missing.jpg']['error'] == 'no such file'
    assert all(rows[name]['error'] == '' for name in good)
    first, *others = (
        [[float(row[f'probability_{i}'] or 0) for i in range(1, 6)] for row in result]
        for result in results
    )
    for other in others:
        np.testing.assert_allclose(other, first, atol=1e-4)
    assert f'{len(rows)} of {len(rows)} (100%) pictures' in capsys.readouterr().err


def test_the_batch_size_changes_nothing(graph, tmp_path):
    folder = write(tmp_path, {f'{i}.png': photo('PNG', 20 + i) for i in range(5)})
    printed = [run(graph, folder, format='json', batch_size=size)[1] for size in (1, 3, 16)]
    rows = [json.loads(text) for text in printed]
    chances = [[[p['probability'] for p in row['predictions']] for row in r] for r in rows]
    np.testing.assert_allclose(chances[0], chances[1], atol=1e-5)
    np.testing.assert_allclose(chances[0], chances[2], atol=1e-5)


def test_json_tells_class_label_and_probability(graph, tmp_path):
    folder = write(tmp_path, {'a.jpg': photo(), 'b\n"꽃.jpg': b''})
    status, printed = run(graph, folder, format='json', num_top_predictions=1)
    first, second = json.loads(printed)
    assert status == 1
    (best,) = first['predictions']
    assert small_models.CLASSES[best['label']] == best['class']
    assert 0.2 <= best['probability'] <= 1
    assert second == {'file': os.fspath(folder / 'b\n"꽃.jpg'), 'error': 'empty file'}


def test_patterns_and_folders_are_searched(tmp_path):
    names = ['a.jpg', 'b.png', 'c[1].jpg', 'sub/d.jpg', 'sub/.x.jpg', 'sub/deep/e.jpg', 'z']
    folder = write(tmp_path, dict.fromkeys(names, b'x'))
    (folder / 'empty').mkdir()

    def found(*arguments):
        files = find_pictures([os.path.join(folder, argument) for argument in arguments])
        return [os.path.relpath(file.path, folder) for file in files if not file.problem]

    assert found('*.jpg') == ['a.jpg', 'c[1].jpg']
    assert found('c[1].jpg', 'b.png') == ['c[1].jpg', 'b.png']
    assert found('**/*.jpg') == ['a.jpg', 'c[1].jpg', 'sub/d.jpg', 'sub/deep/e.jpg']
    assert found('su?') == ['sub/d.jpg', 'sub/deep/e.jpg']
    assert found('sub', 'z') == ['sub/d.jpg', 'sub/deep/e.jpg', 'z']
    assert [file.problem for file in find_pictures([f'{folder}/*.gif', f'{folder}/empty'])] == [
        'no file matches this pattern',
        'no file in this folder',
    ]


def test_large_pictures_go_in_smaller_batches():
    def item(width):
        return None, gate.NormalisedImage(b'', 'png', 2**12, width, 3), ''

    sizes = [len(batch) for batch in classify_module._batches([item(2**11)] * 10, 8)]
    assert sizes == [4, 4, 2]
    assert [len(b) for b in classify_module._batches([item(2**14)] * 3, 8)] == [1, 1, 1]
    assert [len(b) for b in classify_module._batches([(None, None, 'bad')] * 9, 8)] == [8, 1]


def formatted(name, paths, class_names):
    """Return what a format makes of pictures whose classes are equally probable."""
    info = small_models.describe(class_names=class_names)
    stream = io.StringIO()
    rows = FORMATS[name](stream, info, 5, [PictureFile(path) for path in paths])
    rows.open()
    for path in paths:
        rows.write(path, Outcome(np.full(len(class_names), 0.25, np.float32)))
    rows.close()
    return stream.getvalue()


def test_a_spreadsheet_runs_no_name():
    paths = ['=cmd.jpg', '+1.jpg', '-', '@x', 'a,"b"\n.jpg']
    rows = list(csv.reader(io.StringIO(formatted('csv', paths, ['=HYPERLINK("x")', 'daisy']))))
    assert rows[0] == ['file', 'error', 'class_1', 'probability_1', 'class_2', 'probability_2']
    assert [row[0] for row in rows[1:]] == ['./=cmd.jpg', './+1.jpg', '-', './@x', paths[-1]]
    assert {row[2] for row in rows[1:]} == {'\'=HYPERLINK("x")'}
    assert {len(row) for row in rows} == {6}


def test_a_table_gives_no_orders_to_the_terminal_and_is_aligned():
    paths = ['a\x1b[2J\n.jpg', '데이지.jpg', 'caf\udce9.jpg', '\u202egpj.exe']
    lines = formatted('table', paths, ['튤립', 'daisy']).splitlines()
    assert len(lines) == 4
    assert lines[0].startswith(r'a\x1b[2J\n.jpg ')
    assert lines[2].startswith(r'caf\xe9.jpg ')
    assert lines[3].startswith(r'\u202egpj.exe')
    # Hangul takes two columns a letter.
    assert lines[1].index('25.00%') + 3 == lines[0].index('25.00%')
    single = formatted('table', ['x.jpg'], ['튤립', 'daisy']).splitlines()
    assert [line.index('25.00%') for line in single] == [6, 8]


def test_json_holds_any_name():
    rows = json.loads(formatted('json', ['caf\udce9"\n\x1b.jpg'], ['a', '튤립']))
    assert rows[0]['file'] == 'caf\\xe9"\n\x1b.jpg'
    assert rows[0]['predictions'][1]['class'] == '튤립'


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'format': 'xml'}, '--format=xml: .*table'),
        ({'num_top_predictions': 0}, '--num_top_predictions=0'),
        ({'batch_size': 0}, '--batch_size=0'),
    ],
)
def test_options_are_checked(options, words):
    with pytest.raises(UserError, match=words):
        run('no.pb', 'x.jpg', **options)


def test_pictures_have_to_be_named():
    with pytest.raises(UserError, match='no picture: name files'):
        run('no.pb')
    with pytest.raises(UserError, match='only once'):
        run('no.pb', '-', '-')


def test_a_released_checkpoint_tells_imagenets_names(tmp_path):
    info = small_models.describe('mobilenet_v1_025', class_names=list(map(str, range(1001))))
    path = checkpoint_files.write(
        tmp_path, small_models.values(info), 'mobilenet_v1_0.25_128.ckpt', v1=True, state=False
    )
    with Predictor(ModelOptions(path, model_name='mobilenet_v1_025'), None, print) as predictor:
        assert predictor.labels == [entry.name for entry in imagenet.read()]
        assert predictor.info.image_size == 128
        assert predictor.info.preprocessing_name == 'inception'
        assert any('as mobilenet_v1_0.25_128' in line for line in predictor.lines)


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'model_name': 'vgg_16'}, '--model_name=vgg_16 contradicts'),
        ({'output_layer': 'softmax'}, 'is for frozen graphs'),
        ({'input_width': 28, 'input_height': 30}, 'take squares'),
    ],
)
def test_flags_that_do_not_fit_a_checkpoint_are_refused(options, words, directory):
    with pytest.raises(UserError, match=words):
        Predictor(ModelOptions(directory, **options))


def test_every_value_of_format_has_a_writer():
    assert tuple(row_formats.FORMATS) == classify_options.FORMATS
