from functools import partial, reduce
def add(a, b): return a
def run(task): task()
bound = partial(add, 1)
bound(2)
run(partial(add, 1, 2))
reduce(add, [1, 2])
