from .cart import Cart
def make_cart(): return Cart()
