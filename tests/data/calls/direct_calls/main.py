def outer():
    def inner():
        def innermost(): return leaf
        return innermost
    return inner
def leaf(): pass
outer()()()()
def again(n):
    if n: again(n - 1)
again(1)
def ping(n):
    if n: pong(n - 1)
def pong(n): ping(n)
ping(2)
(leaf)()
[leaf][0]()
