"""Networks of other programs that resemble one here but differ from it, and why.

Their weights would give other results here, so they are refused with the reason. Modules of
layouts may have a table DIFFERENT of their own.
"""

from weights.layouts.layout import Different

DIFFERENT: tuple[Different, ...] = ()
