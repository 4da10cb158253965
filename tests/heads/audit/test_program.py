"""The whole audit: what is planted in a data set is found, named and written."""

import csv
import io

import numpy as np
import pytest
from PIL import Image

from common.errors import UserError
from datasets.conversion import convert
from datasets.own import image_folder
from datasets.samples import painters
from heads.audit import program
from heads.audit.audit_options import AuditOptions
from support import feature_passes
from support.files import records


def draw(seed, kind='daisy'):
    return painters.draw_flower(kind, f'program/{seed}')


@pytest.fixture(scope='module')
def audited(tmp_path_factory):
    """Return (options, findings, lines) of a data set with planted faults."""
    root = tmp_path_factory.mktemp('audit')
    for number in range(8):
        for kind in ('daisy', 'tulips'):
            _write(root / 'pets' / kind / f'{kind}{number}.jpg', draw(number, kind))
    _write(root / 'pets/tulips/=copy.jpg', draw(1))
    picture = Image.open(io.BytesIO(draw(2)))
    _write(root / 'pets/daisy/small.jpg', _encoded(picture.resize((90, 80)), 'JPEG'))
    _write(root / 'pets/daisy/lossless.png', _encoded(picture, 'PNG'))
    _write(root / 'pets/daisy/lossless2.png', _encoded(picture, 'PNG', compress_level=1))
    _write(
        root / 'pets/tulips/night.png', _encoded(picture.point(lambda value: value // 12), 'PNG')
    )
    spec = image_folder.from_folder(root, 'pets')
    convert.convert(spec, root, convert.ConvertOptions(num_processes=1), lambda line: None)
    options = AuditOptions(dataset_dir=str(root), most_thumbnails=3)
    lines = []
    return options, program.run(options, lines.append), lines


def _write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _encoded(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _named(found, kind):
    return [
        (each.picture.file_name, each.other and each.other.file_name)
        for each in found
        if each.kind == kind
    ]


def _pairs(found, kind):
    return {frozenset(pair) for pair in _named(found, kind)}


def test_exact_copies_are_found_by_their_bytes_and_by_their_pixels(audited):
    _, found, _ = audited
    assert _pairs(found, 'exact_duplicate') == {
        frozenset(('tulips/=copy.jpg', 'daisy/daisy1.jpg')),
        frozenset(('daisy/lossless.png', 'daisy/lossless2.png')),
    }
    (across,) = [each for each in found if each.crosses and 'copy' in str(each)]
    assert 'classes' in across.crosses


def test_near_copies_are_found(audited):
    _, found, _ = audited
    copies = {'daisy/small.jpg', 'daisy/lossless.png', 'daisy/lossless2.png', 'daisy/daisy2.jpg'}
    pairs = _pairs(found, 'near_duplicate')
    assert len(pairs) >= 2
    assert set().union(*pairs) <= copies


def test_a_dark_picture_is_found_and_nothing_else(audited):
    _, found, _ = audited
    assert [each.picture.file_name for each in found if each.kind == 'dark'] == ['tulips/night.png']
    kinds = {each.kind for each in found}
    assert kinds == {'exact_duplicate', 'near_duplicate', 'dark'}


def test_the_summary_counts_and_says_what_was_left_out(audited):
    _, _, lines = audited
    text = '\n'.join(lines)
    assert 'Without --checkpoint_path, labels and outliers are not checked.' in text
    assert '  Exact duplicates: 2 (1 across classes' in text
    assert '  Very dark pictures: 1' in text
    assert '  Blurred pictures: none' in text
    assert '  Doubtful labels: not checked' in text


def test_the_table_has_every_finding_and_no_formula(audited):
    options, found, _ = audited
    with open(options.output_path('audit.csv'), encoding='utf-8', newline='') as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(found)
    assert all(row['split'] in ('train', 'validation') for row in rows)
    assert not any(cell.startswith('=') for row in rows for cell in row.values())


@pytest.fixture
def records_dir(tmp_path):
    """Return a directory of records of two classes, which differ in brightness."""
    generator = np.random.default_rng(0)
    examples = []
    for number in range(60):
        pixels = generator.integers(0, 100, (40, 40, 3)) + 150 * (number % 2)
        data = records.encoded(pixels.astype(np.uint8), 'png')
        label = 1 - number % 2 if number == 7 else number % 2
        examples.append(records.example(data, label, f'{number}.png'))
    records.write(tmp_path / 'pets_train_00000-of-00001.tfrecord', examples[:50])
    records.write(tmp_path / 'pets_validation_00000-of-00001.tfrecord', examples[50:])
    (tmp_path / 'labels.txt').write_text('0:dark\n1:light\n')
    return tmp_path


def _audit(directory, **options):
    lines = []
    found = program.run(AuditOptions(dataset_dir=str(directory), **options), lines.append)
    return found, lines


def test_with_a_checkpoint_a_wrong_label_is_found(records_dir, tmp_path_factory):
    checkpoint = feature_passes.write_checkpoint(tmp_path_factory.mktemp('checkpoint'))
    found, lines = _audit(
        records_dir, dataset_name='pets', checkpoint_path=checkpoint, model_name='lenet'
    )
    doubted = [each for each in found if each.kind == 'doubtful_label']
    assert [(each.picture.file_name, each.suggestion) for each in doubted] == [('7.png', 'light')]
    assert '  Doubtful labels: 1' in lines
    assert any(line.startswith('Cross-validated accuracy on the features: ') for line in lines)


def test_damaged_records_and_bad_labels_are_findings(records_dir, tmp_path_factory):
    path = records_dir / 'pets_train_00000-of-00001.tfrecord'
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    bad = [
        records.example(b'no picture', 1, 'text.png'),
        records.example(records.encoded(records.picture(1)), 5, 'label.png'),
    ]
    records.write(records_dir / 'pets_test_00000-of-00001.tfrecord', bad)
    checkpoint = feature_passes.write_checkpoint(tmp_path_factory.mktemp('checkpoint'))
    found, lines = _audit(
        records_dir, dataset_name='pets', checkpoint_path=checkpoint, model_name='lenet'
    )
    damaged = {each.picture.file_name: each.reason for each in found if each.kind == 'damaged'}
    assert len(damaged) == 3
    assert 'neither' in damaged['text.png'] or 'not a picture' in damaged['text.png']
    assert 'has the label 5' in damaged['label.png']
    assert any('because of damaged records' in line for line in lines)


def test_copies_that_the_conversion_left_out_are_findings_too(tmp_path):
    for split in ('train', 'val'):
        for number in range(3):
            for kind in ('ant', 'bee'):
                data = draw(f'{split}{number}', 'daisy' if kind == 'ant' else 'roses')
                _write(tmp_path / 'pets' / split / kind / f'{number}.jpg', data)
    _write(tmp_path / 'pets/val/ant/again.jpg', draw('train1'))
    spec = image_folder.from_folder(tmp_path, 'pets')
    convert.convert(spec, tmp_path, convert.ConvertOptions(num_processes=1), lambda line: None)
    found, _ = _audit(tmp_path)
    ((copy, original),) = _named(found, 'exact_duplicate')
    assert copy.endswith('val/ant/again.jpg')
    assert original.endswith('train/ant/1.jpg')


def test_a_class_with_few_pictures_is_found(records_dir):
    (records_dir / 'labels.txt').write_text('0:dark\n1:light\n2:none\n')
    found, _ = _audit(records_dir, dataset_name='pets')
    small = [(each.picture.class_name, each.score) for each in found if each.kind == 'small_class']
    assert small == [('none', 0)]


def test_a_directory_that_cannot_be_written_is_an_error(records_dir):
    (records_dir / 'file').write_text('')
    with pytest.raises(UserError, match='--output_dir='):
        _audit(records_dir, dataset_name='pets', output_dir=str(records_dir / 'file' / 'out'))
