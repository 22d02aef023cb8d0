"""What the garbage collector need not look at; garbage.pxd has what the compiled build does."""


def untrack(thing: object) -> None:
    """Say that a thing can never be part of a cycle: reference counts alone will free it.

    A full collection looks at everything that is tracked, and answers wait: with a large cache
    for tens of milliseconds. Plain Python has no such call, so there they do.
    """
