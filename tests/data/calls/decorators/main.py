import functools
def plain(f): return f
def wrapping(f):
    @functools.wraps(f)
    def inner(*args):
        return f(*args)
    return inner
def with_options(name):
    def real(f):
        def inner():
            note()
            return f()
        return inner
    return real
def note(): pass
class Counting:
    def __init__(self, f): self.f = f
    def __call__(self): return self.f()
@plain
def one(): pass
@wrapping
def two(x): pass
@with_options("x")
def three(): pass
@Counting
def four(): pass
@wrapping
@with_options("y")
def five(): pass
one()
two(1)
three()
four()
five()
def register(kind):
    kinds.append(kind)
    return kind
kinds = []
@register
class Registered:
    def act(self): pass
Registered().act()
class Owner:
    @functools.lru_cache
    def cached(self): return self.fresh()
    def fresh(self): pass
Owner().cached()
