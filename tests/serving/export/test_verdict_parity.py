"""The outputs of the limits are compared before a model is written."""

import numpy as np
import pytest

from common.errors import UserError
from serving.export import parity, verdict_parity
from support import limits as drawn_limits

TOLERANCE = verdict_parity.TOLERANCE


def verdicts(scores, **changes):
    scores = np.array(scores, np.float32)
    limits = drawn_limits.make_limits()
    found = {
        'probabilities_calibrated': np.full([len(scores), 2], 0.5, np.float32),
        'unknown_score': scores,
        'p_known': np.interp(scores, limits.knots, limits.p_values),
        'is_known': scores <= limits.threshold,
    }
    return {**found, **changes}


def test_verdicts_that_differ_are_found():
    limits = drawn_limits.make_limits()
    expected = verdicts([-0.5, 0.5, 4000])
    for near in ([-0.5, 0.5, 4000.3], [-0.50005, 0.5, 4000]):
        assert verdict_parity.compare(limits, expected, verdicts(near)).difference <= TOLERANCE
    result = verdict_parity.compare(limits, expected, expected)
    assert result.line() == 'of its limits 0.0e+00, same `is_known` for 3 of 3'
    for wrong in (
        verdicts([-0.49, 0.5, 4000]),
        verdicts([np.nan, 0.5, 4000]),
        verdicts([-0.5, 0.5, 4000], is_known=np.array([True, False, False])),
        verdicts([-0.5, 0.5, 4000], p_known=np.array([0.0, 0.5, 0.05])),
        verdicts([-0.5, 0.5, 4000], probabilities_calibrated=np.full([3, 2], 0.51)),
    ):
        assert not verdict_parity.compare(limits, expected, wrong).difference <= TOLERANCE


def test_a_model_with_other_verdicts_is_not_written():
    limits = drawn_limits.make_limits()
    expected = {'probabilities': np.array([[0.2, 0.8]]), **verdicts([0.5])}
    check = parity.Check([], None, expected, limits)
    assert 'same `is_known` for 1 of 1' in check.compare('x', expected)
    wrong = {**expected, **verdicts([0.6])}
    with pytest.raises(UserError, match='so it was not written; --nolimits leaves'):
        check.compare('x', wrong)
    assert 'of its limits' in check.compare('x', wrong, None)
