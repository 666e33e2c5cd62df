from dataclasses import dataclass, field
from enum import Enum
@dataclass
class Order:
    name: str
    lines: list["Line"] = field(default_factory=list)
    def total(self): return [line.price() for line in self.lines]
    def __post_init__(self): self.check()
    def check(self): pass
@dataclass
class Line:
    amount: int
    def price(self): return self.amount
order = Order("a", [Line(1)])
order.total()
class Color(Enum):
    RED = 1
    def show(self): pass
Color.RED.show()
