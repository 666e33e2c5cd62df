def leaf(): pass
def numbers():
    leaf()
    yield leaf
def delegating():
    yield from numbers()
def consume(items):
    for item in items:
        item()
consume(numbers())
consume(delegating())
class Count:
    def __init__(self): self.left = 1
    def __iter__(self): return self
    def __next__(self):
        if not self.left: raise StopIteration
        self.left -= 1
        return leaf
for item in Count():
    item()
class Tree:
    def __iter__(self):
        yield leaf
for item in Tree():
    item()
lazy = (leaf for _ in "a")
for item in lazy:
    item()
next(numbers())()
[item() for item in numbers()]
