"""Run a model with ONNX Runtime: frozen models that have an ONNX file. No TensorFlow here."""

import functools

import numpy as np

from classifiers import model_info, verdicts
from common.errors import UserError
from pictures import decode
from pictures.kinds import ImageTooLarge
from preprocessing import arrays, recipe_names
from serving.model.engines import comparison, described, rows
from serving.model.engines.onnx_network import OnnxNetwork
from serving.model.engines.trial_pictures import trial_batch


class OnnxEngine:
    """Implement `serving.model.engines.engine.Engine`."""

    name = 'onnx'
    refuses_damaged = True  # Every picture is decoded to its end.

    def __init__(self, model_options, options, stored, files, lines=()):
        """Load the ONNX file of the model that `stored` describes, or the faster one of two.

        `files` is {precision: path}; `lines` are for the log.
        """
        described.refuse_averages(model_options)
        self.options = _resolved(options)
        info, more = described.describe(model_options, stored)
        self.info = info if verdicts.tensors(info) else info.replace(limits={})
        description = model_info.path_beside(model_options.path)
        warnings = described.recipe_warnings(model_options, stored, description)
        self._recipe = recipe_names.recipe_of(self.info.preprocessing_name)
        networks = {each: self._load(path, stored) for each, path in files.items()}
        self.precision, why = self._choose(networks)
        self._network = networks[self.precision]
        self.lines = (*lines, *more, *warnings, self._network.line, *why)

    def run(self, pictures):
        """Return the Outputs of normalised pictures."""
        try:
            return self._run(self._network, pictures)
        except MemoryError:
            raise ImageTooLarge('too large for the memory of this machine') from None

    def close(self):
        """Free the network."""
        self._network = None

    def _run(self, network, pictures):
        found = network.run(self._images(pictures))
        return rows.outputs(found, are_logits=not network.returns_probabilities)

    def _images(self, pictures):
        """Decode and prepare pictures for the network."""
        side, channels = self.info.image_size, self.info.channels
        images = np.empty((len(pictures), side, side, channels), np.float32)
        for picture, image in zip(pictures, images, strict=True):
            pixels = decode.pixels(picture, channels)
            arrays.prepare(pixels, self._recipe, side, side, out=image)
        return images

    def _load(self, path, stored):
        """Return the network of a file after a trial."""
        num_runs = 1 if self.options.max_concurrency == 1 else self.options.num_pictures
        network = OnnxNetwork(path, stored, num_runs)
        for size in sorted({1, self.options.max_batch_size}):
            found = network.try_out(self._images(trial_batch(size)))
        network.returns_probabilities |= rows.are_distributions(found[0])
        try:
            rows.require_sound(found)
        except UserError as error:
            raise UserError(f'{path}: {error}') from None
        if (returned := found[0].shape[1]) != stored.num_classes:
            raise UserError(
                f'{path}: returns {returned} numbers per picture, but its description says '
                f'{stored.num_classes} classes; freeze the model again'
            )
        return network

    def _choose(self, networks):
        """Return the precision to use, and lines for the log."""
        if len(networks) == 1:
            return next(iter(networks)), ()
        plain, short = (
            functools.partial(self._run, networks[each]) for each in ('float32', 'int8')
        )
        is_int8, line = comparison.is_better(plain, short, 'int8', self.options.max_batch_size)
        return 'int8' if is_int8 else 'float32', (line,)


def _resolved(options):
    """Return the options with every choice made."""
    if options.num_pictures and (options.max_batch_size or 1) > 1:
        # The caller waits for each batch, so a batch uses every core.
        return options.resolved(max_concurrency=1)
    return options.resolved()
