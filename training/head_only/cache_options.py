"""The options that say whether training uses cached features. No TensorFlow: --help reads them."""

import dataclasses
import re

from classifiers import scopes
from common.checks import NOT_NEGATIVE
from common.options import Options, SwitchedCount, option
from nets import model_specs
from training.head_only import exact_options

START = 'Starting weights, and what is trained'
SINGLE_PROCESS = 'works only in a single process, without other workers and parameter servers'
_NAME = re.compile(r'[\w./-]+')  # A scope that is no regular expression.


@dataclasses.dataclass(frozen=True, kw_only=True)
class CacheOptions(Options):
    """Hold how often and where the features of the pictures are computed."""

    cache_features: SwitchedCount | None = option(
        START,
        None,
        'If only the head is trained: compute once what the other layers give for each picture, '
        'and train on that. N adds N - 1 passes with augmented pictures.',
        NOT_NEGATIVE,
    )
    features_dir: str | None = option(
        START,
        None,
        'Directory for the features. If not given, the directory features in --dataset_dir.',
        is_path=True,
    )

    @property
    def passes(self):
        """Return how many times the features of a picture are computed; 0 means no cache."""
        return self.cache_features or 0

    def require_frozen_layers(self, run):
        """Raise an error if the TrainOptions `run` change the features during training."""
        fault = self._fault(run) if self.passes and not exact_options.is_exact(run) else None
        if fault:
            raise self.mistake('cache_features', fault)

    def _fault(self, run):
        if run.cluster.job_name or run.cluster.worker_hosts or run.cluster.ps_hosts:
            return SINGLE_PROCESS
        if not scopes.parse(run.trainable_scopes):
            return (
                'without --trainable_scopes all layers are trained, so that no features stay the '
                'same; pass --trainable_scopes=head'
            )
        if run.update_frozen_batch_norm:
            return (
                '--update_frozen_batch_norm computes the features of a picture from the other '
                'pictures of the batch; leave one of the two out'
            )
        return self._outside_head(run) if run.model_name in model_specs.MODELS else None

    def _outside_head(self, run):
        """Say which scope is outside the head; what else is, the graph shows."""
        head = model_specs.get_spec(run.model_name).head_scopes
        for scope in scopes.parse(run.trainable_scopes, head):
            if _NAME.fullmatch(scope) and not scopes.within(scope, head):
                return outside_head(f'--trainable_scopes trains {scope}', head)
        return None

    def remarks(self, run):
        """Yield a line for each option that has no effect in the TrainOptions `run`."""
        if exact_options.is_exact(run):
            return  # It always computes the features once.
        if self.features_dir and not self.passes:
            yield '--features_dir has no effect without --cache_features'
        if self.passes > 1 and run.augmentation == 'none':
            yield (
                f'--cache_features={self.passes} has the effect of --cache_features: with '
                '--augmentation=none all passes would be the same'
            )


def outside_head(what, head):
    """Return why features cannot be cached if `what` is outside the head's scopes."""
    return (
        f"{what}, outside the network's head ({', '.join(head)}), so that the features would "
        'change in every step; train the head alone (--trainable_scopes=head), or leave '
        '--cache_features out'
    )
