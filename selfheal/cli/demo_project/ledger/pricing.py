"""What a quantity of something costs before tax."""

from ledger.money import percent

# Quantity from which a discount in percent is given, largest first.
DISCOUNTS = ((100, 15), (50, 10), (10, 5))


def discount_rate(quantity: int) -> int:
    """The discount in percent for a quantity."""
    for enough, rate in DISCOUNTS:
        if quantity > enough:
            return rate
    return 0


def line_price(unit_price: int, quantity: int) -> int:
    """The price of a quantity, discount taken off."""
    if quantity < 1:
        raise ValueError("a quantity is at least one")
    full = unit_price * quantity
    return full - percent(full, discount_rate(quantity))


def saving(unit_price: int, quantity: int) -> int:
    """What buying this quantity at once saves."""
    return unit_price * quantity - line_price(unit_price, quantity)
