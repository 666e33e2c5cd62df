def f0(): pass
def f1(): pass
def f2(): pass
def f3(): pass
def f4(): pass
def f5(): pass
def f6(): pass
def f7(): pass
def f8(): pass
def f9(): pass
def run_all():
    for step in [f0, f1, f2, f3, f4, f5, f6, f7, f8, f9]:
        step()
run_all()
class Machine:
    def __init__(self):
        self.steps = {
            "a": self.a, "b": self.b, "c": self.c, "d": self.d, "e": self.e,
            "f": self.f, "g": self.g, "h": self.h, "i": self.i, "j": self.j,
        }
    def a(self): pass
    def b(self): pass
    def c(self): pass
    def d(self): pass
    def e(self): pass
    def f(self): pass
    def g(self): pass
    def h(self): pass
    def i(self): pass
    def j(self): pass
    def run(self, name):
        step = self.steps[name]
        step()
for name in "abcdefghij":
    Machine().run(name)
def other(): pass
def pick(name):
    step = getattr(thing, name, other)
    step()
thing = object()
pick("missing")
