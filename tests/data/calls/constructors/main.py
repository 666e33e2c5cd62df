class Plain: pass
class Base:
    def __init__(self): self.setup()
    def setup(self): pass
class Child(Base):
    def setup(self): pass
class Other(Base):
    def __init__(self):
        super().__init__()
        self.extra()
    def extra(self): pass
class Made:
    def __new__(cls): return super().__new__(cls)
    def act(self): pass
Plain()
Child()
Other()
Made().act()
kinds = {"child": Child, "other": Other}
def build(name): return kinds[name]()
build("child")
build("other")
