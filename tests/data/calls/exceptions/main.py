class Oops(Exception):
    def __init__(self, why): self.why = why
    def tell(self): pass
class Bare(Exception):
    def __init__(self): pass
def risky(): raise Oops("x")
def bare(): raise Bare
def clean(): pass
try:
    risky()
except Oops as oops:
    oops.tell()
finally:
    clean()
try:
    bare()
except (Bare, ValueError) as error:
    clean()
else:
    risky()
def chained():
    try:
        risky()
    except Oops as cause:
        raise Bare from cause
try:
    chained()
except Bare:
    pass
