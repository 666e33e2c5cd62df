def one(): pass
def two(): pass
def three(): pass
a = b = one
a()
b()
c, (d, e) = one, (two, three)
d()
e()
[f, *g] = [three, two, one]
f()
g[0]()
(h := two)()
i = one if len("x") else two
i()
j = None or three
j()
def swap():
    x, y = one, two
    x, y = y, x
    x()
    y()
swap()
k: object = one
k()
