"""The input of a training graph whose frozen layers are computed once for each picture."""

import math

import tensorflow.compat.v1 as tf

from classifiers import scopes
from heads import cuts, features
from heads.picture_source import PictureSource
from nets import model_specs
from training.head_only import cached_batches, frozen_losses
from training.head_only.cache_options import SINGLE_PROCESS, outside_head


class CachedInput:
    """Cut a training graph where its frozen layers end, and feed it with their features.

    The clones are built on pictures as always. Then whatever reads the last results of the frozen
    layers reads features from a pipeline.
    """

    def __init__(self, run):
        if run.place.is_distributed or run.place.num_workers > 1:  # As TF_CONFIG may say.
            raise run.options.cache.mistake('cache_features', SINGLE_PROCESS)
        self._run = run
        self._head = model_specs.get_spec(run.info.model_name).head_scopes
        self._source = None
        self._clones = []  # Pairs of placeholders: pictures, labels.
        self._frontiers = []
        self._cuts = self._rows = None  # The features by name, of the first clone.
        self._shared = {}  # The same for the features that other programs use.

    def next_share(self):
        """Return (pictures, labels) of the next clone; the first one computes the features."""
        self._source = self._source or self._make_source()
        with tf.name_scope('cached'):
            # The batches of the pass may have another size than those of training.
            images = tf.placeholder_with_default(
                self._source.images, [None, *self._source.images.shape[1:]], 'images'
            )
            labels = tf.placeholder(tf.int64, [self._run.options.batch_size], 'labels')
        self._clones.append((images, labels))
        return images, labels

    def _make_source(self):
        options = self._run.options
        return PictureSource(
            self._run.records,
            self._run.info,
            passes=options.cache.passes,
            augmentation=options.augmentation,
            # Runs without a seed share the augmented passes.
            seed=options.seed or 0,
            num_threads=options.num_preprocessing_threads,
        )

    def cut(self, clones, trained):
        """Find the features; a UserError says why they would change during training."""
        self._require_frozen(trained, clones[0].scope)
        for clone, (images, _) in zip(clones, self._clones, strict=True):
            outputs = [
                *tf.get_collection(tf.GraphKeys.LOSSES, clone.scope),
                *tf.get_collection(tf.GraphKeys.UPDATE_OPS, clone.scope),
                clone.outputs.accuracy,
            ]
            self._frontiers.append(cuts.frontier(outputs, images, trained))
        names = [tensor.name.removeprefix(clones[0].scope) for tensor in self._frontiers[0]]
        self._cuts = dict(zip(names, self._frontiers[0], strict=True))
        self._rows = cached_batches.Rows(
            {name: tensor.shape.as_list()[1:] for name, tensor in self._cuts.items()}
        )
        frozen_losses.compute_once(trained)

    def _require_frozen(self, trained, scope):
        names = [variable.op.name for variable in trained]
        for update in tf.get_collection(tf.GraphKeys.UPDATE_OPS, scope):
            names.append(update.inputs[0].op.name)
        for name in names:
            if not scopes.within(name, self._head):
                fault = outside_head(f'training changes {name}', self._head)
                raise self._run.options.cache.mistake('cache_features', fault)

    def batches(self, start):
        """Return the pipeline of (labels, features of each cut) for all clones."""
        run = self._run
        return cached_batches.batches(
            self._rows,
            run.dataset.num_samples,
            run.images_per_step,
            run.input_seed,
            start * run.images_per_step,
        )

    def connect(self, batch, clones, trained):
        """Let each clone read its share of the batches."""
        for (_, labels), frontier in zip(self._clones, self._frontiers, strict=True):
            for old, new in zip([labels, *frontier], batch.next_share(), strict=True):
                cuts.reroute(old, new)
        # The programs that share features compute them in full precision.
        if not self._run.precision:
            images, _ = self._clones[0]
            with tf.device(clones[0].device):
                self._shared = features.of_training_network(
                    self._run.info, clones[0].outputs, images, trained
                )

    def without_pictures(self, end_points):
        """Return the end points of the first clone that are computed from the features."""
        images, _ = self._clones[0]
        return {
            name: end_point
            for name, end_point in end_points.items()
            if images.op not in set(cuts.operations_behind([end_point]))
        }

    def lines(self):
        """Yield lines for the log that say what is computed once, and for how many pictures."""
        passes = self._source.passes
        size = sum(math.prod(shape) for shape in self._rows.shapes.values())
        other_size = sum(math.prod(tensor.shape.as_list()[1:]) for tensor in self._shared.values())
        count = self._source.count
        yield (
            f'Cached features: {count:,} pictures pass the frozen layers '
            f'{"once" if passes == 1 else f"{passes} times"}, and the steps train on the results '
            f'({size:,} numbers a picture, {passes * count * size * 4 / 1e6:,.0f} MB) at '
            f'{", ".join(name.removesuffix(":0") for name in self._rows.shapes)}'
        )
        if self._shared:
            yield (
                f'The same pass stores what later programs need ({other_size:,} numbers a picture, '
                f'{count * other_size * 4 / 1e6:,.0f} MB)'
            )
        if passes == 1:
            yield (
                'Pictures are prepared as in evaluation; --cache_features=4 adds three passes with '
                'augmented pictures'
            )

    def compute(self, session, stop):
        """Compute the features or find them on disk; return False if `stop` is true meanwhile."""
        run = self._run
        also = {'precision': run.precision} if run.precision else None
        self._rows.features = features.compute(
            session,
            self._source,
            self._cuts,
            run.features_dir,
            shared=self._shared,
            also=also,
            stop=lambda: bool(stop),
        )
        return self._rows.features is not None

    def close(self):
        """Let other processes remove the features if they need room."""
        if self._rows and self._rows.features:
            self._rows.features.close()
