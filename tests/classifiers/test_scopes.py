"""Scope lists as flags give them."""

import pytest
import tensorflow.compat.v1 as tf

from classifiers import scopes
from common.errors import UserError

NAMES = ['Net/Conv_1/weights', 'Net/Conv_1/BatchNorm/gamma', 'Net/Logits/weights']


def within(text):
    return [name for name in NAMES if scopes.within(name, scopes.parse(text))]


def test_lists_are_split_and_empty_parts_count_for_nothing():
    assert scopes.parse(' a/b, c ,,') == ['a/b', 'c']
    assert scopes.parse(None) == scopes.parse('') == []


def test_the_head_is_called_by_one_word_in_every_network():
    assert scopes.parse('Net/Block8, head', ['Net/Logits', 'Net/AuxLogits']) == [
        'Net/Block8',
        'Net/Logits',
        'Net/AuxLogits',
    ]
    assert scopes.parse('Net/head,header', ['Net/Logits']) == ['Net/head', 'header']


def test_scopes_are_prefixes_or_expressions_for_one():
    assert within('Net/Logits') == NAMES[2:]
    assert within('Net/Con') == NAMES[:2]
    assert within('.*/Logits') == NAMES[2:]
    assert within('Logits,Net/(') == []


def test_a_misspelt_scope_lists_the_nearest():
    with pytest.raises(UserError, match=r"--flag: .*'Net/Logit_s'; nearest: Net/Logits, "):
        scopes.require_matches('--flag', ['Net/Logit_s'], NAMES)


def test_trainable_variables_and_frozen_layers_agree():
    chosen = scopes.parse('Net/Conv_1')
    with tf.Graph().as_default():
        variables = [tf.get_variable(name, [1]) for name in NAMES]
        assert [v.op.name for v in scopes.trainable(variables, chosen)] == NAMES[:2]
        assert scopes.trainable(variables, []) == variables
        with pytest.raises(UserError, match='--trainable_scopes'):
            scopes.trainable(variables, ['Nets'])
    frozen = scopes.frozen(chosen)
    assert not frozen('Net/Conv_1/BatchNorm')
    assert frozen('Net/Conv_2/BatchNorm')
    assert scopes.frozen([]) is None
