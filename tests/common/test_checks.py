import pytest

from common import checks
from common.errors import UserError

NETWORKS = {'inception_v3': 3, 'inception_v4': 4, 'lenet': 1, 'vgg_16': 16}


def test_a_known_name_is_looked_up():
    assert checks.lookup('network', 'lenet', NETWORKS) == 1


def test_an_unknown_name_lists_the_known_ones_nearest_first():
    with pytest.raises(UserError, match="unknown network 'inceptoin_v4'") as error:
        checks.lookup('network', 'inceptoin_v4', NETWORKS)
    listed = str(error.value).split(': ')[1].split(', ')
    assert listed[0] == 'inception_v4'
    assert sorted(listed) == sorted(NETWORKS)


def test_an_empty_table_says_so():
    assert checks.unknown('split', 'test', {}) == "unknown split 'test'; no names are known"
