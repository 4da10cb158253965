"""Declare the options of a program once: flags, checks, help and the docs' lists come from here.

A record of options is a frozen dataclass. Each field is a flag; its type says which kind (`str`,
`int`, `float`, `bool`, `tuple[str, ...]` for a list, `SwitchedCount`, each with `| None` if it may
be left open):

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class ModelOptions(Options):
        model_name: str | None = option(MODEL, None, 'The network.')
        image_size: int | None = option(MODEL, None, 'Side of the input in pixels.', COUNT)

The options of a program are a ProgramOptions. It adds what only a command line has, and may contain
other records, so that each library function gets the record it needs and a default exists once:

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class ClassifyOptions(ProgramOptions):
        page = 'docs/classifying.md'
        most_used = ('model', 'format')
        unused = (Dead('quantize', False, 'use --format=tflite instead'),)

        model: str | None = option(MODEL, None, 'A checkpoint.', is_path=True, older=('graph',))
        network: ModelOptions = part(ModelOptions, names={'model_name': 'network'})
        format: str = option(OUTPUT, 'table', 'How to print the classes.', OneOf(('table', 'csv')))
        pictures: tuple[str, ...] = positional('PICTURE')

        def __post_init__(self):
            super().__post_init__()  # Checks each option by itself.
            if ...:
                raise self.mistake('format', 'needs a terminal')

        def check_files(self):
            checkpoint_paths.require(self.model)

and the program is `cli.run(ClassifyOptions, main)` with a `main(options)`, see common/cli.py.
Modules of options import no TensorFlow: --help answers, and `check_files` runs, before it loads.
"""

import dataclasses
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from common import text
from common.checks import Check
from common.errors import UserError

OLDER_NAMES = 'Names of older tools'
SWITCHED_COUNT = 'switched count'


class SwitchedCount(int):
    """A number that is set as --name=3; --name alone sets it to 1, --noname to 0."""


KINDS = {
    bool: 'boolean',
    float: 'float',
    int: 'integer',
    str: 'string',
    tuple: 'list',
    SwitchedCount: SWITCHED_COUNT,
}


class OptionError(UserError):
    """Report the value of an option that cannot be used.

    The option's name is kept apart, so that a program can put its flag's name in its place.
    """

    def __init__(self, name: str, value: object, fault: str) -> None:
        super().__init__(name, value, fault)
        self.name, self.value, self.fault = name, value, fault

    def __str__(self) -> str:
        return f'--{self.name}={as_typed(self.value)}: {self.fault}'

    def renamed(self, flag_names: Mapping[str, str]) -> 'OptionError':
        """Return the same error with the name that `flag_names` has for the option."""
        return OptionError(flag_names.get(self.name, self.name), self.value, self.fault)


def as_typed(value: object) -> str:
    """Return a value as it is written on a command line."""
    written = ','.join(value) if isinstance(value, (list, tuple)) else str(value)
    return text.printable(written)


@dataclasses.dataclass(frozen=True)
class Dead:
    """Accept a flag only at its default, because its function does not exist here."""

    name: str
    default: object
    reason: str
    kind: type | None = None  # Needed if the default is None.


@dataclasses.dataclass(frozen=True)
class Ignored:
    """Accept a flag with any value, because its function is no longer needed."""

    name: str
    default: object
    reason: str
    kind: type | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flag:
    """Describe one flag of a program."""

    name: str
    kind: str  # 'path', 'paths', 'texts' or one of KINDS.
    default: Any
    group: str
    help: str
    check: Check | None = None
    shown: Any = None  # See `option`.
    older: tuple[str, ...] = ()  # Older tools' names of the same flag.


@dataclasses.dataclass(frozen=True)
class _Part:
    options_class: type
    names: Mapping[str, str]
    omit: tuple[str, ...]

    def flags(self) -> Iterable[tuple[str, Flag]]:
        """Yield each flag with the name that it has in the record itself."""
        for flag in flags(self.options_class):
            if flag.name not in self.omit:
                outer_name = self.names.get(flag.name, flag.name)
                yield flag.name, dataclasses.replace(flag, name=outer_name)


def option(
    group: str,
    default: object,
    help: str,
    check: Check | None = None,
    *,
    shown: object = None,
    is_path: bool = False,
    is_repeated: bool = False,
    name: str | None = None,
    older: tuple[str, ...] = (),
) -> Any:
    """Declare a flag as a field of a record; `group` is its heading in --help.

    `name` is the flag's name if it differs from the field's, `older` are older tools' names of it.
    In a path (`is_path`) a leading `~` means the home directory; the flag of a list of paths may be
    given several times. The flag of a list of texts with commas (`is_repeated`) is given once for
    each. `shown` is the default that --help shows for an option that is None unless
    given, because model.json or the network decides.
    """
    declared = {
        'group': group,
        'help': help,
        'check': check,
        'shown': shown,
        'is_path': is_path,
        'is_repeated': is_repeated,
        'name': name,
        'older': older,
    }
    return dataclasses.field(default=default, metadata={'option': declared})


def like(options_class: type, name: str, group: str, **changes: object) -> Any:
    """Declare an option as another record declares it, under another heading.

    `changes` replace arguments of `option`, such as `help`.
    """
    field = {field.name: field for field in dataclasses.fields(options_class)}[name]
    return option(**field.metadata['option'] | {'default': field.default, 'group': group} | changes)


def part(
    options_class: type, names: Mapping[str, str] | None = None, omit: tuple[str, ...] = ()
) -> Any:
    """Declare a field that contains another record of options, whose flags become the program's.

    `names` maps flags of that record to other names, `omit` leaves some of them out.
    """
    contained = _Part(options_class, names or {}, omit)
    return dataclasses.field(default_factory=options_class, metadata={'part': contained})


def positional(metavar: str, most: int | None = None, older: tuple[str, ...] = ()) -> Any:
    """Declare the field for arguments that are no flags; `older` flags each add one to them.

    `most` limits their number.
    """
    declared = {'metavar': metavar, 'most': most, 'older': older}
    return dataclasses.field(default=(), metadata={'positional': declared})


def base_type(field: dataclasses.Field) -> type:
    """Return the plain type of a field: `int` for `int | None`, `tuple` for `tuple[str, ...]`."""
    kinds: Any = [field.type]
    if isinstance(field.type, types.UnionType):
        kinds = typing.get_args(field.type)
    kind = next(kind for kind in kinds if kind is not type(None))
    return typing.get_origin(kind) or kind


def flags(options_class: type) -> list[Flag]:
    """List the flags of a record of options and of those that it contains."""
    found = []
    # What all programs have comes last.
    shared = ProgramOptions.__dataclass_fields__
    for field in sorted(dataclasses.fields(options_class), key=lambda field: field.name in shared):
        if 'option' in field.metadata:
            found.append(_flag(field))
        elif 'part' in field.metadata:
            found += [flag for _, flag in field.metadata['part'].flags()]
    return found


def _flag(field):
    declared = dict(field.metadata['option'])
    kind = KINDS[base_type(field)]
    if declared.pop('is_path'):
        kind = 'paths' if kind == 'list' else 'path'
    if declared.pop('is_repeated'):
        kind = 'texts'
    name = declared.pop('name') or field.name
    return Flag(name=name, kind=kind, default=field.default, **declared)


def older_flags(options_class: type['ProgramOptions']) -> list[Flag]:
    """List the flags that exist for users of older tools: other names, and unused ones."""
    same = [
        # The default is None, so that the older name does not override the flag's own default.
        _older(older, flag.kind, None, f'The same as --{flag.name}.')
        for flag in flags(options_class)
        for older in flag.older
    ]
    field = positional_field(options_class)
    if field:
        metavar = field.metadata['positional']['metavar']
        same += [
            _older(older, 'path', None, f'The same as {metavar}.')
            for older in field.metadata['positional']['older']
        ]
    unused = [
        _older(
            flag.name,
            KINDS[flag.kind or type(flag.default)],
            flag.default,
            f'{"Not supported" if isinstance(flag, Dead) else "Without effect"}: {flag.reason}.',
        )
        for flag in options_class.unused
    ]
    return same + unused


def _older(name, kind, default, help):
    return Flag(name=name, kind=kind, default=default, group=OLDER_NAMES, help=help)


def positional_field(options_class: type) -> dataclasses.Field | None:
    """Return the field for arguments that are no flags, or None."""
    fields = dataclasses.fields(options_class)
    return next((field for field in fields if 'positional' in field.metadata), None)


def build(options_class: type, values: Mapping[str, object]) -> Any:
    """Make a record, and those that it contains, from {flag: value}."""
    arguments = {}
    for field in dataclasses.fields(options_class):
        if 'part' in field.metadata:
            arguments[field.name] = _build_part(field.metadata['part'], values)
            continue
        name = _flag_name(field)
        if name in values:
            arguments[field.name] = values[name]
    return options_class(**arguments)


def _build_part(contained, values):
    known = {name: values[flag.name] for name, flag in contained.flags() if flag.name in values}
    try:
        return build(contained.options_class, known)
    except OptionError as error:
        raise error.renamed(contained.names) from None


def _flag_name(field):
    return field.metadata.get('option', {}).get('name') or field.name


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Check every option when the record is made; the base of all records of options."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if 'option' not in field.metadata:
                continue
            value = getattr(self, field.name)
            if value == '' and field.default is None:
                object.__setattr__(self, field.name, None)
                continue
            check = field.metadata['option']['check']
            fault = check and value is not None and check.fault(_flag_name(field), value)
            if fault:
                raise self.mistake(field.name, fault)

    def mistake(self, name: str, fault: str) -> OptionError:
        """Return the error that says what is wrong with the value of the option `name`."""
        return OptionError(_flag_name(self.__dataclass_fields__[name]), getattr(self, name), fault)

    def or_default(self, name: str) -> Any:
        """Return an option, or its `shown` default if neither user nor model.json gave a value."""
        value = getattr(self, name)
        return (
            self.__dataclass_fields__[name].metadata['option']['shown'] if value is None else value
        )

    def by_flag(self) -> dict[str, Any]:
        """Return {flag: value}, with the options of contained records."""
        found = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if 'option' in field.metadata:
                found[_flag_name(field)] = value
            elif 'part' in field.metadata:
                inner = value.by_flag()
                found |= {flag.name: inner[name] for name, flag in field.metadata['part'].flags()}
        return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProgramOptions(Options):
    """Hold the options of one program; the class attributes describe its command line."""

    page: ClassVar[str] = 'docs'  # The page that explains the program.
    most_used: ClassVar[tuple[str, ...]] = ()  # The flags that --help explains; it names the rest.
    unused: ClassVar[tuple[Dead | Ignored, ...]] = ()  # Flags of older tools.

    verbose: bool = option(
        'Messages', False, 'Show the messages of TensorFlow and other libraries too.'
    )
    # Remarks on the command line, which the program logs when its work begins.
    notices: tuple[str, ...] = ()

    def check_files(self) -> None:
        """Raise a UserError for a wrong or missing file; called before TensorFlow is loaded."""

    def check_given(self, given: frozenset[str]) -> None:
        """Raise a UserError if flags that were given contradict each other, whatever their values.

        `__post_init__` checks values; this also sees a flag that was given with its default.
        """

    def remarks(self, given: frozenset[str]) -> Iterable[str]:
        """Return a line for each flag among the `given` ones that has no effect."""
        return ()
