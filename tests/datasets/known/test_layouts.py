"""ImageNet, Tiny and Mini ImageNet and the Caltech sets, in the layouts that people have."""

import collections
import os
import zipfile

import pytest

from common import imagenet as imagenet_classes
from common.errors import UserError
from datasets import imagenet
from datasets.known import caltech101, caltech256, mini_imagenet, tiny_imagenet
from support.files import published_files
from support.files.picture_folders import class_folders, picture_bytes

TENCH, GOLDFISH, CRANE_BIRD, CRANE = 'n01440764', 'n01443537', 'n02012849', 'n03126707'
TENCH_XML = """<annotation><size><width>200</width><height>100</height></size>
<object><name>n01440764</name><bndbox><xmin>20</xmin><ymin>10</ymin><xmax>100</xmax>
<ymax>120</ymax></bndbox></object></annotation>"""


def silent(line):
    pass


def places(spec):
    """Map each file name to its split and label."""
    return {example.filename: (example.split, example.label) for example in spec.examples}


def counts(spec):
    return dict(collections.Counter((e.split, e.label) for e in spec.examples))


def put(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names):
        (folder / name).write_bytes(picture_bytes(seed))


def test_the_1001_outputs():
    classes = imagenet_classes.read()
    assert [entry.label for entry in classes] == list(range(1001))
    synsets = [entry.synset for entry in classes[1:]]
    assert synsets == sorted(set(synsets))
    names = imagenet.create_readable_names_for_imagenet_labels()
    assert names[0] == 'background'
    assert names[1] == 'tench, Tinca tinca'
    assert names[286] == 'Egyptian cat'
    assert names[1000] == 'toilet tissue, toilet paper, bathroom tissue'
    assert names[135] == names[518] == 'crane'


@pytest.mark.parametrize('root', ['', 'imagenet', 'raw-data', 'ILSVRC/Data/CLS-LOC'])
@pytest.mark.parametrize('validation', ['validation', 'val'])
def test_imagenet_in_class_folders(tmp_path, root, validation):
    class_folders(tmp_path / root / 'train', {TENCH: 2, CRANE: 1})
    class_folders(tmp_path / root / validation, {CRANE: 2})
    (tmp_path / root / 'train' / TENCH / '.DS_Store').write_text('x')
    spec = imagenet.make_spec(str(tmp_path), report=silent)
    assert counts(spec) == {('train', 1): 2, ('train', 518): 1, ('validation', 518): 2}
    assert len(spec.class_names) == 1001
    assert spec.background_class
    assert spec.examples[0].extra == {'image/class/synset': (TENCH,)}
    assert len(spec.ignored) == 1


VALIDATION = [f'ILSVRC2012_val_{number:08d}.JPEG' for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ('file', 'text', 'pictures'),
    [
        (
            'imagenet_2012_validation_synset_labels.txt',
            f'{CRANE}\n{TENCH}\n{TENCH}\n',
            VALIDATION,
        ),
        ('val.txt', f'{CRANE}\n{TENCH}\n{TENCH}', ['a.JPEG', 'b.JPEG', 'c.JPEG']),
        # More lines than pictures: the number in the name counts.
        ('validation_synsets.txt', f'{CRANE}\n{TENCH}\n{TENCH}\n{CRANE}\n{CRANE}\n', VALIDATION),
        (
            'LOC_val_solution.csv',
            'ImageId,PredictionString\n'
            f'ILSVRC2012_val_00000003,{TENCH} 85 1 499 272\n'
            f'ILSVRC2012_val_00000002,{TENCH} 1 1 9 9 {TENCH} 2 2 5 5\n'
            f'ILSVRC2012_val_00000001,{CRANE} 1 1 4 4\n',
            VALIDATION,
        ),
        (
            'labels.txt',
            f'x/c.JPEG {TENCH}\na.JPEG\t{CRANE}\nb.JPEG {TENCH}',
            ['a.JPEG', 'b.JPEG', 'c.JPEG'],
        ),
    ],
)
@pytest.mark.parametrize('where', ['', 'val'])
def test_flat_imagenet_validation_with_a_list(tmp_path, file, text, pictures, where):
    class_folders(tmp_path / 'train', {TENCH: 1})
    put(tmp_path / 'val', pictures)
    (tmp_path / where / file).write_text(text)
    # Not a list of the pictures, though full of synsets.
    (tmp_path / 'synsets.txt').write_text('\n'.join(imagenet_classes.by_synset()))
    spec = imagenet.make_spec(str(tmp_path), report=silent)
    found = [e.label for e in spec.examples if e.split == 'validation']
    assert found == [518, 1, 1]
    assert spec.refused == []


def test_flat_imagenet_validation_without_a_list_is_an_error(tmp_path):
    put(tmp_path / 'val', VALIDATION)
    with pytest.raises(UserError, match='val: 3 pictures without class folders, and no'):
        imagenet.make_spec(str(tmp_path), report=silent)
    (tmp_path / 'val.txt').write_text(f'{TENCH}\n')
    with pytest.raises(UserError, match='no matching list of their synsets'):
        imagenet.make_spec(str(tmp_path), report=silent)
    (tmp_path / 'val.txt').write_text('n99999999\n' * 3)
    with pytest.raises(UserError, match=r'val.txt: n99999999 is not one of the 1,000'):
        imagenet.make_spec(str(tmp_path), report=silent)


def test_imagenet_without_pictures_describes_the_layout(tmp_path):
    with pytest.raises(UserError, match=r'expected train/<synset>/\*.JPEG'):
        imagenet.make_spec(str(tmp_path), report=silent)
    class_folders(tmp_path / 'train', {TENCH: 1, 'my_cat': 1})
    with pytest.raises(UserError, match=r'train/my_cat: not one of the 1,000 synsets'):
        imagenet.make_spec(str(tmp_path), report=silent)
    with pytest.raises(UserError, match='registered users'):
        imagenet.make_spec(str(tmp_path), 'https://example.org/x.tar', silent)


@pytest.mark.parametrize('form', ['xml', 'csv'])
def test_imagenet_bounding_boxes(tmp_path, form):
    put(tmp_path / 'train' / TENCH, ['n01440764_1.JPEG', 'n01440764_2.JPEG'])
    before = imagenet.make_spec(str(tmp_path), report=silent)
    if form == 'xml':
        folder = tmp_path / 'bounding_boxes' / TENCH
        folder.mkdir(parents=True)
        (folder / 'n01440764_1.xml').write_text(TENCH_XML)
        (folder / 'n01440764_2.xml').write_text('<annotation>')
    else:
        table = tmp_path / 'imagenet_2012_bounding_boxes.csv'
        table.write_text('n01440764_1.JPEG,0.1,0.1,0.5,1.2\nn01440764_2.JPEG,a,b,c,d\n')
    spec = imagenet.make_spec(str(tmp_path), report=silent)
    boxed, plain = (example.extra for example in spec.examples)
    assert boxed['image/object/bbox/xmin'] == (0.1,)
    assert boxed['image/object/bbox/ymin'] == (0.1,)
    assert boxed['image/object/bbox/xmax'] == (0.5,)
    assert boxed['image/object/bbox/ymax'] == (1.0,)
    assert boxed['image/object/bbox/label'] == (1,)
    assert list(plain) == ['image/class/synset']
    assert '1 bounding boxes could not be read' in spec.notes
    assert spec.source != before.source


def tiny(root, sorted_validation=False):
    for synset in (GOLDFISH, CRANE_BIRD):
        put(root / 'train' / synset / 'images', [f'{synset}_{i}.JPEG' for i in range(3)])
        (root / 'train' / synset / f'{synset}_boxes.txt').write_text('x')
    if sorted_validation:
        put(root / 'val' / CRANE_BIRD / 'images', ['val_0.JPEG'])
        put(root / 'val' / CRANE, ['val_1.JPEG'])
    else:
        put(root / 'val/images', ['val_0.JPEG', 'val_1.JPEG', 'val_2.JPEG'])
        lines = [f'val_0.JPEG\t{CRANE_BIRD}\t0\t0\t9\t9', f'val_1.JPEG\t{GOLDFISH}\t0\t0\t9\t9']
        (root / 'val/val_annotations.txt').write_text('\n'.join(lines))
    put(root / 'test/images', ['test_0.JPEG'])


def test_tiny_imagenet(tmp_path):
    root = tmp_path / 'tiny-imagenet-200'
    tiny(root)
    (root / 'words.txt').write_text(f'n00001740\tentity\n{GOLDFISH}\tgoldfish, Carassius auratus\n')
    spec = tiny_imagenet.make_spec(str(tmp_path), report=silent)
    assert spec.class_names == ['goldfish, Carassius auratus', 'crane']
    assert counts(spec) == {
        ('train', 0): 3,
        ('train', 1): 3,
        ('validation', 0): 1,
        ('validation', 1): 1,
    }
    assert places(spec)['val/images/val_0.JPEG'] == ('validation', 1)
    assert spec.refused == [(str(root / 'val/images/val_2.JPEG'), 'not in the list of the labels')]
    assert any('test is left out' in note for note in spec.notes)


def test_tiny_imagenet_with_validation_in_folders(tmp_path):
    tiny(tmp_path, sorted_validation=True)
    spec = tiny_imagenet.make_spec(str(tmp_path), report=silent)
    assert counts(spec)['validation', 1] == 1
    assert [reason for _, reason in spec.refused] == [
        f'{CRANE} is not a class of the training pictures'
    ]


def test_tiny_imagenet_from_its_archive(tmp_path):
    tiny(tmp_path / 'web/tiny-imagenet-200')
    archive = tmp_path / 'web/tiny-imagenet-200.zip'
    with zipfile.ZipFile(archive, 'w') as container:
        for path in sorted((tmp_path / 'web/tiny-imagenet-200').rglob('*')):
            container.write(path, path.relative_to(tmp_path / 'web'))
    (tmp_path / 'data').mkdir()
    with pytest.raises(UserError, match=r'expected tiny-imagenet-200/train/<synset>'):
        tiny_imagenet.make_spec(str(tmp_path / 'data'), report=silent)
    spec = tiny_imagenet.make_spec(str(tmp_path / 'data'), archive.as_uri(), silent)
    assert len(spec.examples) == 8


def test_mini_imagenet_in_split_folders(tmp_path):
    root = tmp_path / 'mini_imagenet'
    class_folders(root / 'train', {CRANE: 2, GOLDFISH: 1})
    class_folders(root / 'val', {TENCH: 2})
    class_folders(root / 'test', {'other': 1})
    spec = mini_imagenet.make_spec(str(tmp_path), report=silent)
    assert spec.class_names == [
        'tench, Tinca tinca',
        'goldfish, Carassius auratus',
        'crane',
        'other',
    ]
    assert counts(spec) == {
        ('train', 2): 2,
        ('train', 1): 1,
        ('validation', 0): 2,
        ('test', 3): 1,
    }


def test_mini_imagenet_in_class_folders(tmp_path):
    class_folders(tmp_path / 'mini_imagenet', {CRANE: 2, GOLDFISH: 3})
    spec = mini_imagenet.make_spec(str(tmp_path), report=silent)
    assert counts(spec) == {(None, 0): 3, (None, 1): 2}


def test_mini_imagenet_with_lists(tmp_path):
    root = tmp_path / 'mini-imagenet'
    put(root / 'images', [f'p{number}.jpg' for number in range(5)])
    (root / 'train.csv').write_text(f'filename,label\np0.jpg,{CRANE}\np1.jpg,{GOLDFISH}\n')
    (root / 'val.csv').write_text(f'filename,label\np2.jpg,{TENCH}\ngone.jpg,{TENCH}\n')
    (root / 'test.csv').write_text(f'filename,label\np3.jpg,{CRANE}\n')
    spec = mini_imagenet.make_spec(str(tmp_path), report=silent)
    assert places(spec) == {
        'images/p0.jpg': ('train', 2),
        'images/p1.jpg': ('train', 1),
        'images/p2.jpg': ('validation', 0),
        'images/p3.jpg': ('test', 2),
    }
    assert [os.path.basename(path) for path, _ in spec.refused] == ['p4.jpg']
    assert any('gone' in note for note in spec.notes)
    (root / 'test.csv').write_text('p3.jpg\n')
    with pytest.raises(UserError, match=r'test.csv: line 1 is not `filename,label`'):
        mini_imagenet.make_spec(str(tmp_path), report=silent)


CALTECHS = [
    (
        caltech101,
        '101_ObjectCategories',
        {'accordion': 2, 'BACKGROUND_Google': 3, 'yin_yang': 1},
        ['accordion', 'yin_yang'],
    ),
    (
        caltech256,
        '256_ObjectCategories',
        {'001.ak47': 2, '257.clutter': 3, '002.american-flag': 1},
        ['ak47', 'american-flag'],
    ),
]


@pytest.mark.parametrize(('module', 'folder', 'classes', 'names'), CALTECHS)
def test_caltech(tmp_path, module, folder, classes, names):
    class_folders(tmp_path / folder, classes)
    (tmp_path / folder / 'note.txt').write_text('x')
    spec = module.make_spec(str(tmp_path), report=silent)
    assert spec.class_names == names
    assert counts(spec) == {(None, 0): 2, (None, 1): 1}
    assert any(module.DATASET.clutter in note for note in spec.notes)
    assert len(spec.ignored) == 1
    spec = module.make_spec(str(tmp_path), report=silent, background_class=True)
    assert spec.class_names == ['background', *names]
    assert counts(spec) == {(None, 0): 3, (None, 1): 2, (None, 2): 1}
    assert spec.background_class


def test_caltech101_from_the_archive_that_holds_an_archive(tmp_path):
    tar = published_files.tar(
        tmp_path / 'inner.tar.gz',
        {f'101_ObjectCategories/{name}/image_0001.jpg': picture_bytes(1) for name in 'ab'},
    )
    with zipfile.ZipFile(tmp_path / 'caltech-101.zip', 'w') as container:
        container.write(tar, 'caltech-101/101_ObjectCategories.tar.gz')
    spec = caltech101.make_spec(str(tmp_path), report=silent)
    assert spec.class_names == ['a', 'b']


def test_caltech_without_pictures_describes_the_layout(tmp_path):
    with pytest.raises(UserError, match=r'expected 256_ObjectCategories/<class>/\*.jpg, or'):
        caltech256.make_spec(str(tmp_path), report=silent)
    (tmp_path / 'broken.tar').write_text('no archive')
    with pytest.raises(UserError, match='damaged or incomplete'):
        caltech256.make_spec(str(tmp_path), (tmp_path / 'broken.tar').as_uri(), silent)
