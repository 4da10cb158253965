"""Print tables in Markdown."""


def show(header, rows):
    """Print a table of texts and numbers."""
    for cells in (header, ['---'] * len(header), *rows):
        print(f'| {" | ".join(map(_text, cells))} |', flush=True)
    print(flush=True)


def with_goal(value, at_least=None, at_most=None):
    """Return a number as text, with its goal if there is one."""
    if at_least is None and at_most is None:
        return _text(value)
    word, goal = ('at least', at_least) if at_most is None else ('at most', at_most)
    is_reached = value >= goal if at_most is None else value <= goal
    return f'{_text(value)} ({"" if is_reached else "MISSES: "}{word} {goal:g})'


def _text(cell):
    """Return a text as it is, and a number with three digits."""
    if not isinstance(cell, float):
        return str(cell)
    return f'{cell:.0f}' if cell >= 100 else f'{cell:#.3g}'
