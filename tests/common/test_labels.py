import pytest

from common import labels
from common.errors import UserError


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('0:daisy\n1:roses\n', {0: 'daisy', 1: 'roses'}),
        ('daisy\nroses\n', {0: 'daisy', 1: 'roses'}),
        ('\ufeff1: gim \r\n2:tuk\r\n\r\n', {1: 'gim', 2: 'tuk'}),
        ('ratio 1:2\nplain\n', {0: 'ratio 1:2', 1: 'plain'}),
        ('1:2 mix\nplain\n', {0: '1:2 mix', 1: 'plain'}),
        ('', {}),
    ],
)
def test_both_forms_are_read(tmp_path, text, expected):
    path = tmp_path / 'labels.txt'
    path.write_bytes(text.encode())
    assert labels.read_labels(path) == expected


def test_names_are_compared_after_nfc(tmp_path):
    path = tmp_path / 'labels.txt'
    labels.write_labels(path, ['e\u0301pi', '\u1100\u1175\u11b7'])
    assert labels.read_labels(path) == {0: 'épi', 1: '김'}


def test_a_dictionary_keeps_its_numbers(tmp_path):
    path = tmp_path / 'labels.txt'
    labels.write_labels(path, {2: 'tuk', 1: 'gim'})
    assert path.read_text() == '1:gim\n2:tuk\n'


def test_faults_are_named(tmp_path):
    path = tmp_path / 'labels.txt'
    path.write_text('0:a\n0:b\n')
    with pytest.raises(UserError, match=r'labels\.txt: label 0 is listed twice'):
        labels.read_labels(path)
    path.write_bytes('이름'.encode('cp949'))
    with pytest.raises(UserError, match=r'labels\.txt: must be UTF-8 text'):
        labels.read_labels(path)
    path.write_text(f'{"9" * 5000}:a\n')
    with pytest.raises(UserError, match=r'labels\.txt: label 999999999\.\.\. is too large'):
        labels.read_labels(path)
    with pytest.raises(UserError, match='label 1 is missing'):
        labels.names_in_order({0: 'a', 2: 'b'}, path)
    with pytest.raises(UserError, match=r'absent\.txt: No such file'):
        labels.read_labels(tmp_path / 'absent.txt')
