from dataclasses import asdict, dataclass, field


@dataclass(order=True)
class Point:
    x: int
    y: int = 0
    tags: list = field(default_factory=list)


print(Point(1), asdict(Point(1, 2)), Point(1) < Point(2), Point.__module__)
