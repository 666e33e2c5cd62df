class Money:
    def __init__(self, n): self.n = n
    def __add__(self, other): return Money(self.n)
    def __eq__(self, other): return self.same(other)
    def same(self, other): return True
    def __getitem__(self, key): return self
    def __contains__(self, item): return True
    def show(self): pass
a = Money(1)
b = a + Money(2)
b.show()
a == b
a["x"].show()
1 in a
