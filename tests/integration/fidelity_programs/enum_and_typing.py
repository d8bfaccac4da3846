import enum
import typing


class Colour(enum.Enum):
    RED = 1


def f(x: "Colour") -> typing.Optional[int]: ...


print(list(Colour), typing.get_type_hints(f))
