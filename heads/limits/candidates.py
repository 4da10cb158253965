"""The scores of strangeness that are compared: each is a combination of measures of layers."""

import dataclasses

from heads.limits import measures
from heads.limits.limits import FEATURES, name_of

_LOGIT = ('max_logit', measures.LOGITS)


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A combination of terms, pairs of a measure and a layer; see `limits.soft_maximum`."""

    terms: tuple[tuple[str, str], ...]

    def name(self):
        """Return what a report calls it, such as `mahalanobis(features) + max_logit`."""
        return name_of(self.terms)


def all_of(earlier, has_logits=True):
    """List the Candidates; the first one is the default.

    `earlier` are the layers of ModelSpec.earlier. Each candidate contains the same term of the
    layer in the middle. It recognizes noise, patterns and blank pictures, which a network can be
    sure about, and no comparison of known classes shows how useful it is. Without logits, those
    measures are left out.
    """
    before, middle = earlier
    guard = ('root_mahalanobis', middle)
    features = ('mahalanobis', FEATURES)
    nearest = [(f'neighbours_{count}', FEATURES) for count in (1, 5, 10, 20)]
    both = (features, ('mahalanobis', before), ('root_mahalanobis', before))
    combinations = [
        (features, ('root_mahalanobis', before), _LOGIT),
        (features, ('root_mahalanobis', before)),
        (*both, _LOGIT),
        (features, ('mahalanobis', before), _LOGIT),
        (features, ('mahalanobis', before)),
        (('root_mahalanobis', FEATURES), ('root_mahalanobis', before), _LOGIT),
        (features, _LOGIT),
        (features,),
        *((each, _LOGIT) for each in nearest),
        *((each,) for each in nearest),
        (('collapse', FEATURES), _LOGIT),
        (('collapse', FEATURES),),
        (('relative_mahalanobis', FEATURES), _LOGIT),
        (('relative_mahalanobis', FEATURES),),
        (_LOGIT,),
    ]
    if has_logits:
        combinations.append((('max_probability', measures.LOGITS),))
    kept = [terms for terms in combinations if has_logits or _LOGIT not in terms]
    return [Candidate((*terms, guard)) for terms in kept]
