"""`load_classifier`: pictures of every type, one or many, from any thread."""

import concurrent.futures
import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from serving import BadImage, UserError, load_classifier
from serving.model.engines.trial_pictures import trial_pictures
from serving.model.model_options import ModelOptions
from serving.model.predictor import Predictor
from support.checkout import ROOT
from support.files import limited_models, pictures, small_models

PIXELS = pictures.colours(40, 30)
PNG = pictures.encoded(pictures.as_image(PIXELS), 'PNG')


@pytest.fixture(scope='module')
def classifier(graph):
    with load_classifier(graph) as loaded:
        yield loaded


@pytest.fixture(scope='module')
def expected(graph):
    """Return the probabilities of PNG, through the programs' own way."""
    with Predictor(ModelOptions(path=graph)) as predictor:
        return predictor.predict([PNG])[0].probabilities


def ways(folder):
    """Return {type: the same picture as an object of it}."""
    path = folder / 'picture.png'
    path.write_bytes(PNG)
    return {
        'str': os.fspath(path),
        'PathLike': path,
        'bytes': PNG,
        'bytearray': bytearray(PNG),
        'memoryview': memoryview(PNG),
        'Pillow, from a file': Image.open(io.BytesIO(PNG)),
        'Pillow, in memory': Image.fromarray(PIXELS),
        'array': PIXELS,
        'array, not contiguous': np.ascontiguousarray(PIXELS[:, ::-1])[:, ::-1],
        'array with alpha': np.dstack([PIXELS, np.full(PIXELS.shape[:2], 255, np.uint8)]),
    }


def test_a_picture_of_any_type_has_the_probabilities_of_the_programs(
    classifier, expected, tmp_path
):
    for name, picture in ways(tmp_path).items():
        found = classifier.classify(picture)
        np.testing.assert_array_equal(found.probabilities, expected, err_msg=name)


def test_a_result_has_names_and_probabilities_best_first(classifier, expected):
    found = classifier.classify(PNG)
    assert classifier.labels == list(small_models.CLASSES)
    order = np.argsort(-expected)
    assert [each.label for each in found.predictions] == [classifier.labels[i] for i in order]
    assert [each.probability for each in found.predictions] == list(expected[order])
    assert (found.label, found.probability) == (classifier.labels[order[0]], expected.max())
    assert len(classifier.classify(PNG, top=2).predictions) == 2


def test_a_model_without_limits_has_no_verdict(classifier):
    found = classifier.classify(PNG)
    assert (found.is_known, found.p_known, found.unknown_score, found.calibrated) == (None,) * 4
    assert found.likely == ()
    assert found.predictions[0].calibrated is None


def test_a_model_with_limits_has_a_verdict(directory, expected, tmp_path):
    path = limited_models.frozen(tmp_path / 'a.pb', directory, limited_models.learnt(directory))
    with load_classifier(path) as limited:
        found = limited.classify(PNG)
        several = limited.classify(list(trial_pictures()))
    assert sorted(each.is_known for each in several) == [False, False, True, True]
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)
    assert found.calibrated.sum() == pytest.approx(1)
    assert abs(found.calibrated - expected).max() > 1e-3
    best = found.predictions[0]
    assert best.calibrated == found.calibrated[best.index]
    assert found.likely[0] == found.label
    assert 0 <= found.p_known <= 1
    assert isinstance(found.unknown_score, float)


def test_several_pictures_give_a_list_in_their_order(classifier):
    several = [pictures.colours(20 + number, 25) for number in range(9)]
    alone = [classifier.classify(each).probabilities for each in several]
    same_size = np.stack([PIXELS, PIXELS[:, ::-1]])
    for many in (several, tuple(several), iter(several)):
        found = [each.probabilities for each in classifier.classify(many)]
        np.testing.assert_allclose(found, alone, atol=1e-6)
    assert len(classifier.classify(same_size)) == 2
    assert classifier.classify([]) == []


def test_grey_arrays_and_images_are_grey_pictures(classifier):
    grey = PIXELS[..., 0]
    expected = classifier.classify(np.dstack([grey] * 3)).probabilities
    for picture in (grey, grey[..., None], Image.fromarray(grey)):
        found = classifier.classify(picture).probabilities
        np.testing.assert_array_equal(found, expected)


def test_a_pillow_image_is_turned_as_its_exif_data_says(classifier):
    image = Image.fromarray(PIXELS)
    turned = image.transpose(Image.Transpose.ROTATE_90)
    exif = turned.getexif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    turned.save(stream, 'PNG', exif=exif)
    found = classifier.classify(Image.open(stream)).probabilities
    np.testing.assert_array_equal(found, classifier.classify(image).probabilities)


BAD = {
    'bytes': (b'no picture', 'the picture: not a picture'),
    'empty': (b'', 'the picture: empty file'),
    'cut': (PNG[:-30], 'the picture: truncated or damaged PNG'),
    'missing': ('/no/such.jpg', '/no/such.jpg: no such file'),
    'folder': ('/', '/: '),
    'float': (np.zeros([4, 4, 3]), 'the picture: an array of float64 [4, 4, 3]: must be uint8'),
    'shape': (np.zeros([4, 4, 5], np.uint8), 'the picture: an array of uint8 [4, 4, 5]: must'),
    'no pixels': (np.zeros([0, 4, 3], np.uint8), 'the picture: an array of uint8 [0, 4, 3]: must'),
    'mode': (Image.new('F', (4, 4)), 'the picture: a Pillow image of mode F: convert it to RGB'),
    'one of several': ([PNG, b'GIF89a'], 'picture 2: truncated GIF'),
}


@pytest.mark.parametrize('case', BAD)
def test_a_bad_picture_is_named_with_the_reason(classifier, case):
    picture, message = BAD[case]
    with pytest.raises(BadImage) as raised:
        classifier.classify(picture)
    assert str(raised.value).startswith(message)


def test_other_mistakes_are_named(classifier, tmp_path):
    with pytest.raises(UserError, match=r'^top=0: must be at least 1$'):
        classifier.classify(PNG, top=0)
    with pytest.raises(TypeError, match=r'^int: must be a path, bytes'):
        classifier.classify([PNG, 7])
    with pytest.raises(UserError, match=r'x\.pb: '):
        load_classifier(tmp_path / 'x.pb')
    with pytest.raises(TypeError, match='no_option'):
        load_classifier(tmp_path, no_option=1)


def test_a_train_dir_is_loaded_too(directory, expected):
    with load_classifier(directory) as classifier:
        np.testing.assert_allclose(classifier.classify(PNG).probabilities, expected, atol=1e-4)


def test_several_threads_share_a_classifier(classifier):
    several = [pictures.colours(20 + number, 25) for number in range(8)]
    expected = [each.probabilities for each in classifier.classify(several)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = [each.probabilities for each in pool.map(classifier.classify, several)]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_importing_the_package_loads_no_other_library():
    program = (
        'import sys; import serving; '
        'print({"numpy", "PIL", "tensorflow", "onnxruntime"} & set(sys.modules))'
    )
    done = subprocess.run(
        [sys.executable, '-c', program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == 'set()\n'
