from ..cart import total
from . import near
def deepest():
    total()
    near.closer()
