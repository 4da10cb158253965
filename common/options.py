"""How an option is written down: a dataclass field with its group, default, range and help."""

import dataclasses
import math
import types
import typing

from common import names
from common.errors import UserError


@dataclasses.dataclass(frozen=True)
class Range:
    """Say which numbers an option takes; `open_low` and `open_high` leave the end itself out."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def fault(self, kind, value):
        """Return what the value has to be, or None when it is that."""
        if not math.isfinite(value):
            return 'has to be a finite number'
        too_low = value <= self.low if self.open_low else value < self.low
        too_high = value >= self.high if self.open_high else value > self.high
        if not (too_low or too_high):
            return None
        bounds = []
        if self.low > -math.inf:
            bounds.append(f'{"above" if self.open_low else "at least"} {self.low:.10g}')
        if self.high < math.inf:
            bounds.append(f'{"below" if self.open_high else "at most"} {self.high:.10g}')
        return f'has to be {" and ".join(bounds)}'


@dataclasses.dataclass(frozen=True)
class OneOf:
    """Say which names an option takes."""

    names: tuple

    def fault(self, kind, value):
        """Return the message for a name that is not known, or None."""
        return None if value in self.names else names.unknown(kind, value, self.names)


COUNT = Range(low=1)
NOT_NEGATIVE = Range(low=0)
POSITIVE = Range(low=0, open_low=True)
DECAY = Range(low=0, high=1, open_high=True)


def option(group, default, help, check=None, shown=None, is_path=False):
    """Describe one flag as a dataclass field.

    `shown` is the flag's default in --help where the option itself stays None until it is typed,
    because a model.json or the network's own record may know better. In the flag of a
    path (`is_path`) a leading `~` means the home directory.
    """
    metadata = {'group': group, 'help': help, 'check': check, 'shown': shown, 'is_path': is_path}
    return dataclasses.field(default=default, metadata=metadata)


def base_type(field):
    """Return the plain type of a field: `int` for `int | None`."""
    kinds = typing.get_args(field.type) if isinstance(field.type, types.UnionType) else [field.type]
    return next(kind for kind in kinds if kind is not type(None))


def flag_fields(options_class):
    """List the fields of an options class that are flags."""
    return [field for field in dataclasses.fields(options_class) if 'group' in field.metadata]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Checked:
    """Check every option against its field's record when the object is made."""

    # What the command line has to say about itself, to be logged when the work begins.
    notices: tuple = ()

    def __post_init__(self):
        for field in flag_fields(self):
            value = getattr(self, field.name)
            if value == '' and field.default is None:
                object.__setattr__(self, field.name, None)
            elif value is not None:
                self._check(field, value)

    def _check(self, field, value):
        check = field.metadata['check']
        fault = check and check.fault(field.name.replace('_', ' '), value)
        if fault:
            raise UserError(f'--{field.name}={value}: {fault}')

    def or_default(self, name):
        """Return an option, or what it means when neither the user nor a model.json says it."""
        value = getattr(self, name)
        return self.__dataclass_fields__[name].metadata['shown'] if value is None else value
