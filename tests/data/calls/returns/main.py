def leaf(): pass
def give(): return leaf
def give_on(): return give()
give_on()()
def either(flag):
    if flag: return leaf
    return give
either(True)()
def many(): return leaf, give
first, second = many()
first()
second()
class Builder:
    def step(self): return self
    def build(self): return Product()
class Product:
    def use(self): pass
Builder().step().step().build().use()
def table(): return {"a": leaf}
table()["a"]()
