"""Read the data in a pickle without executing it.

A pickle is a program for a small stack machine. Python's own machine imports whatever the pickle
names, and calls it. The machine here builds lists, dictionaries, numbers and texts; what a pickle
names stays a name, and "calls" of it are looked up in a table of functions. It never imports, calls
or changes anything else, whatever a pickle contains.
"""

import dataclasses
import pickletools

_MOST_OPERATIONS = 20_000_000
_KEYS = (str, int, float, bytes, type(None))  # Hashing nested tuples can take for ever.


class PickleError(ValueError):
    """A pickle that is damaged, or that contains what is not read here."""


@dataclasses.dataclass(frozen=True, eq=False)
class Global:
    """What a pickle names: a class, a function or a constant of a module."""

    name: str  # With its module: 'torch._utils._rebuild_tensor_v2'.


INERT = object()  # The value of what was read and is not needed.


def load(stream, functions, inert, persistent=None):
    """Read one pickle from a binary stream, to the end of the pickle, and return its object.

    `functions` maps names to functions of the arguments, `inert` are names whose values are not
    needed; other names are refused. `persistent` is called with each persistent id.
    """
    machine = _Machine(functions, inert, persistent)
    try:
        for count, (operation, argument, _) in enumerate(pickletools.genops(stream)):
            if count > _MOST_OPERATIONS:
                raise PickleError('its pickle is too long')
            machine.run(operation.name, argument)
        return machine.pop()
    except PickleError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise PickleError(f'its pickle is incomplete or damaged ({error})') from None
    except MemoryError:
        raise PickleError('its pickle is damaged (it needs too much memory)') from None


def refused(name):
    """Return the error for a name that is not read."""
    return PickleError(
        f'contains {name}, which is not read: only tensors, numbers and texts are, and nothing is '
        'executed; save model.state_dict() with torch.save instead'
    )


class _Machine:
    """The stack, the marks on it, and the memo of objects that occur again."""

    def __init__(self, functions, inert, persistent):
        self._functions = functions
        self._inert = inert
        self._persistent = persistent
        self._stack = []
        self._marks = []
        self._memo = {}

    def pop(self):
        if self._marks and len(self._stack) <= self._marks[-1]:
            raise IndexError('nothing above the mark')
        return self._stack.pop()

    def run(self, name, argument):
        """Carry out one operation."""
        if name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name]())
        elif name in _LITERALS:
            self._stack.append(argument)
        elif name in _IGNORED:
            pass
        else:
            method = getattr(self, f'_{name.lower()}', None)
            if method is None:
                raise PickleError(f'its pickle has the operation {name}, which is not read')
            method(argument)

    def _mark(self, argument):
        del argument
        self._marks.append(len(self._stack))

    def _since_mark(self):
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        return items

    def _pop(self, argument):
        del argument
        self.pop()

    def _pop_mark(self, argument):
        del argument
        self._since_mark()

    def _dup(self, argument):
        del argument
        self._stack.append(self._stack[-1])

    # The memo.

    def _put(self, index):
        self._memo[int(index)] = self._stack[-1]

    _binput = _long_binput = _put

    def _memoize(self, argument):
        del argument
        self._memo[len(self._memo)] = self._stack[-1]

    def _get(self, index):
        self._stack.append(self._memo[int(index)])

    _binget = _long_binget = _get

    # Collections.

    def _tuple(self, argument):
        del argument
        self._stack.append(tuple(self._since_mark()))

    def _list(self, argument):
        del argument
        self._stack.append(self._since_mark())

    def _dict(self, argument):
        del argument
        self._stack.append(dictionary(_pairs(self._since_mark())))

    def _frozenset(self, argument):
        del argument
        self._since_mark()
        self._stack.append(INERT)

    def _tuple1(self, argument):
        del argument
        self._stack.append((self.pop(),))

    def _tuple2(self, argument):
        del argument
        second, first = self.pop(), self.pop()
        self._stack.append((first, second))

    def _tuple3(self, argument):
        del argument
        third, second, first = self.pop(), self.pop(), self.pop()
        self._stack.append((first, second, third))

    def _append(self, argument):
        del argument
        self._extend([self.pop()])

    def _appends(self, argument):
        del argument
        self._extend(self._since_mark())

    def _extend(self, items):
        if isinstance(self._stack[-1], list):
            self._stack[-1].extend(items)
        elif self._stack[-1] is not INERT:
            raise TypeError('items for what is no list')

    def _additems(self, argument):
        del argument
        self._since_mark()

    def _setitem(self, argument):
        del argument
        value, key = self.pop(), self.pop()
        self._update([(key, value)])

    def _setitems(self, argument):
        del argument
        self._update(_pairs(self._since_mark()))

    def _update(self, pairs):
        if isinstance(self._stack[-1], dict):
            self._stack[-1].update(dictionary(pairs))
        elif self._stack[-1] is not INERT:
            raise TypeError('items for what is no dictionary')

    # Names, and what would be calls of them.

    def _global(self, argument):
        self._name('.'.join(argument.split(' ', 1)))

    def _stack_global(self, argument):
        del argument
        name, module = self.pop(), self.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise TypeError('a name that is no text')
        self._name(f'{module}.{name}')

    def _name(self, name):
        if name not in self._functions and name not in self._inert:
            raise refused(name)
        self._stack.append(Global(name))

    def _reduce(self, argument):
        del argument
        arguments, called = self.pop(), self.pop()
        self._call(called, arguments)

    _newobj = _reduce

    def _newobj_ex(self, argument):
        self.pop()
        self._reduce(argument)

    def _call(self, called, arguments):
        if not isinstance(called, Global) or not isinstance(arguments, tuple):
            raise TypeError('a call of what is no name')
        function = self._functions.get(called.name)
        self._stack.append(function(*arguments) if function else INERT)

    def _build(self, argument):
        """Leave out the attributes of an object."""
        del argument
        self.pop()

    def _binpersid(self, argument):
        del argument
        if self._persistent is None:
            raise PickleError('its pickle refers to data outside it')
        self._stack.append(self._persistent(self.pop()))


_CONSTANTS = {
    'NONE': lambda: None,
    'NEWTRUE': lambda: True,
    'NEWFALSE': lambda: False,
    'EMPTY_TUPLE': tuple,
    'EMPTY_LIST': list,
    'EMPTY_DICT': dict,
    'EMPTY_SET': lambda: INERT,
}
_LITERALS = {
    'INT', 'BININT', 'BININT1', 'BININT2', 'LONG', 'LONG1', 'LONG4', 'FLOAT', 'BINFLOAT',
    'STRING', 'BINSTRING', 'SHORT_BINSTRING',
    'UNICODE', 'BINUNICODE', 'SHORT_BINUNICODE', 'BINUNICODE8',
    'BINBYTES', 'SHORT_BINBYTES', 'BINBYTES8',
}  # fmt: skip
_IGNORED = {'PROTO', 'FRAME', 'STOP'}


def _pairs(items):
    if len(items) % 2:
        raise ValueError('a key without a value')
    return list(zip(items[::2], items[1::2], strict=True))


def dictionary(pairs):
    """Return a dictionary of pairs; keys that are no text or number are an error."""
    for pair in pairs:
        if len(pair) != 2 or not isinstance(pair[0], _KEYS):
            raise TypeError('a key that is neither text nor number')
    return dict(pairs)
