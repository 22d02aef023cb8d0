"""Text from outside, made fit for messages, logs and terminals."""

MAX_SHOWN = 60  # characters: a pasted certificate must not fill the terminal


def quote(value: object) -> str:
    """Return a value from a config in quotes: shortened, nothing in it left unprintable."""
    text = str(value)
    return repr(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "...")


def printable(text: str) -> str:
    """Return the text with everything that could move a terminal's cursor escaped."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
