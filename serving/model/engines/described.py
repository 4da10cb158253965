"""Describe a frozen model from its description and the flags, whichever engine runs it."""

from classifiers import model_info, resolve
from classifiers.model_request import ModelRequest, StoredModel
from common.errors import UserError
from preprocessing.recipe_names import recipe_of


def describe(options, stored):
    """Return (ModelInfo, lines for the log) of a frozen model with a description beside it."""
    description = model_info.path_beside(options.path)
    if {options.height, options.width} - {None, stored.image_size}:
        raise UserError(
            f'{options.path}: takes pictures of {stored.image_size} pixels ({description}), '
            f'not of {options.width}x{options.height}; export it again for another size'
        )
    # The size and the weights of a graph are fixed.
    request = ModelRequest.of(options, image_size=None, use_moving_averages=None)
    return resolve.resolve(request, StoredModel(stored, description))


def refuse_averages(options):
    """Raise a UserError if the options ask for other weights than the frozen ones."""
    if options.use_moving_averages is not None:
        raise UserError(
            f'{options.path}: a frozen graph has fixed weights; pass --use_moving_averages to '
            'freeze_graph.py instead'
        )


def recipe_warnings(options, stored, described_in):
    """List a line for the log if --preprocessing_name is not what the network was trained with.

    `stored` is the model's own description, from the file `described_in`.
    """
    asked = options.preprocessing_name
    if not asked or recipe_of(asked) == recipe_of(stored.preprocessing_name):
        return ()
    return (contradiction('--preprocessing_name', f'preprocessing {asked}', stored, described_in),)


def contradiction(flags, asked, stored, described_in):
    """Return the line that warns of another preparation than the network was trained with."""
    return (
        f'WARNING: {flags}: feeding {asked} contradicts {described_in}, where preprocessing is '
        f'{stored.preprocessing_name}; expect wrong classes, or leave the flag out'
    )
