"""Check the folders of pictures that are of none of the classes, before anything slow is loaded."""

import os

from common.options import OptionError
from pictures import folder_scan


def require(folders):
    """Raise a UserError for a folder that is missing or has no pictures."""
    for folder in folders:
        fault = _fault(folder)
        if fault:
            raise OptionError('unknown_dir', folder, fault)


def _fault(folder):
    if not os.path.exists(folder):
        return 'no such folder'
    if not os.path.isdir(folder):
        return 'not a folder'
    try:
        os.listdir(folder)
    except OSError as error:
        return f'cannot be read ({error.strerror})'
    listing = folder_scan.list_files(folder, required=False)
    if not listing.has_picture:
        return 'has no pictures' if listing.files else 'the folder is empty'
    return None
