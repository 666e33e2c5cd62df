def double(x): return x
def size(x): return x
def keep(x): return True
list(map(double, [1, 2]))
sorted([2, 1], key=size)
max([1, 2], key=size)
list(filter(keep, [1]))
class Box:
    def __len__(self): return 1
    def __str__(self): return "box"
    def __iter__(self): return iter([1])
    def __bool__(self): return True
box = Box()
len(box)
str(box)
list(box)
print(",".join(["a"]).upper())
for index, task in enumerate([double, size]):
    task(index)
first = next(iter([keep]))
first(1)
for back in reversed([double]):
    back(1)
