"""What the table says of a picture as a whole, if the limits of the model are known."""

_MOST_NAMED = 3  # Classes; the others are counted.


def none_of_these(name):
    """Return the words for a picture of none of the classes; `name` is the most probable one."""
    return f'none of these classes (most like {name})'


def one_of(names):
    """Return `daisy or dandelion` for two names or more, best first."""
    named = list(names[:_MOST_NAMED])
    left = len(names) - len(named)
    last = f'{left} {"others" if left > 1 else "other"}' if left else named.pop()
    return f'{", ".join(named)} or {last}'
