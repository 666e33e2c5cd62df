from abc import ABC, abstractmethod
from typing import Protocol, Type
class Plugin(Protocol):
    def __call__(self, number): ...
    def name(self): ...
class Real:
    def __call__(self, number): pass
    def name(self): pass
def use(plugin: Plugin):
    plugin(1)
    plugin.name()
use(Real())
class Parser(ABC):
    @staticmethod
    @abstractmethod
    def parse(text): raise NotImplementedError
    @property
    @abstractmethod
    def size(self): ...
    def show(self): return self.size
class Fenced(Parser):
    @staticmethod
    def parse(text): pass
    @property
    def size(self): return 1
class Directive:
    parser: Type[Parser]
    def run(self): self.parser.parse("")
class FencedDirective(Directive):
    parser = Fenced
FencedDirective().run()
Fenced().show()
class Queue:
    @staticmethod
    def _pop(items):
        """To be overridden."""
    def pop(self): self._pop([])
class Heap(Queue):
    @staticmethod
    def _pop(items): return items
Heap().pop()
class Step:
    def __call__(self): raise NotImplementedError
    def run(self): self()
class First(Step):
    def __call__(self): pass
First().run()
