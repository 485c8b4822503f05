"""Who is greeted, and how."""

MOST = 64
"""The most letters of a name."""


class Nobody(Exception):
    """There is no name."""


class TooLong(Exception):
    """The name has more letters than are greeted."""

    def __init__(self, letters: int):
        super().__init__(letters)
        self.letters = letters


def greeting(name: str) -> str:
    if not name:
        raise Nobody
    if len(name) > MOST:
        raise TooLong(len(name))
    return f"Hello, {name}!"
