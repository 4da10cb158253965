"""The options of import_weights.py: each flag with its default, range and help."""

import dataclasses
import re

from common import checks
from common.checks import COUNT
from common.errors import UserError
from common.options import ProgramOptions, option
from nets import model_specs
from preprocessing import recipe_names
from weights import output_directory
from weights.published import offers
from weights.readers import source_file

SOURCE = 'Weights'
NETWORK = 'Network'
OUTPUT = 'Output'


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImportOptions(ProgramOptions):
    """Hold the options of an import; None means as the file and its layout say."""

    page = 'docs/networks.md'
    most_used = ('source', 'model_name', 'output', 'verify', 'list')

    # Weights
    source: str | None = option(
        SOURCE,
        None,
        'A file of weights (.safetensors, .pth, .pth.tar, .h5, .keras, .pb), a checkpoint, or a '
        'directory of checkpoints; or the name of published weights (timm/resnet50.a1_in1k), which '
        'are downloaded.',
        is_path=True,
    )
    use_moving_averages: bool = option(
        SOURCE, True, 'Take the moving averages of a training checkpoint that has them.'
    )
    rename: tuple[str, ...] = option(
        SOURCE,
        (),
        "Rename the file's tensors first: regex:replacement, applied in this order. A tensor whose "
        'name becomes empty is left out.',
        is_repeated=True,
    )

    # Network
    model_name: str | None = option(
        NETWORK, None, 'The network here. If not given, the one whose layout the file has.'
    )
    labels: str | None = option(
        NETWORK,
        None,
        "A file with the names of the classes, one a line. If not given, ImageNet's names for "
        '1,000 or 1,001 classes.',
        is_path=True,
    )
    image_size: int | None = option(
        NETWORK,
        None,
        'Side of the input in pixels. If not given, the one that the weights were trained with.',
        COUNT,
    )
    preprocessing_name: str | None = option(
        NETWORK,
        None,
        "The preprocessing. If not given, the network's own if the weights can be adapted to it "
        'exactly, otherwise the one that they were trained with.',
    )

    # Output
    output: str | None = option(
        OUTPUT,
        None,
        'The directory for MODEL_NAME.ckpt and model.json. It is created.',
        is_path=True,
    )
    overwrite: bool = option(OUTPUT, False, 'Replace an earlier import in --output.')
    verify: bool = option(
        OUTPUT,
        False,
        "Compare logits with the source's own network (needs torch and timm or torchvision, or "
        'Keras).',
    )
    list: bool = option(
        OUTPUT, False, 'Print what can be imported (for --model_name if given), and do nothing.'
    )

    def __post_init__(self):
        """Check each option by itself."""
        super().__post_init__()
        for rule in self.rename:
            pattern, colon, _ = rule.rpartition(':')
            if not colon:
                raise self.mistake('rename', 'must be regex:replacement')
            try:
                re.compile(pattern)
            except re.error as error:
                raise self.mistake('rename', f'{pattern!r} is no pattern ({error})') from None

        if self.verify and self.rename:
            raise self.mistake('verify', 'compares with the file as it is; leave out --rename')

    def check_files(self):
        """Check names, that the source can be read, and that the output can be written."""
        self._check_names()
        if self.list:
            return
        if not self.source:
            raise UserError(
                '--source is missing: name a file of weights; --list prints what can be imported'
            )
        if not self.output:
            raise UserError('--output is missing: name the directory for the checkpoint')
        if offers.port_of(self.source) is None:
            source_file.require(self.source)
        output_directory.require_usable(self.output)

    def _check_names(self):
        if self.model_name and self.model_name not in model_specs.MODELS:
            known = checks.unknown('network', self.model_name, model_specs.MODELS)
            raise self.mistake('model_name', known)
        recipe = self.preprocessing_name
        if recipe and recipe not in recipe_names.known():
            unknown = checks.unknown('preprocessing', recipe, recipe_names.known())
            raise self.mistake('preprocessing_name', unknown)
