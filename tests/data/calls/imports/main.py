import shop
import shop.cart as cart_module
from shop import cart, make_cart
from shop.cart import Cart as Basket
from tools import *
from shop.deep.core import deepest
shop.make_cart().add()
cart_module.Cart().add()
cart.total()
Basket().add()
helper()
deepest()
def late():
    from shop.cart import total
    total()
late()
try:
    import nowhere
except ImportError:
    nowhere = None
