"""Sales tax by category of goods."""

from ledger.money import percent

RATES = {"standard": 20, "reduced": 5, "exempt": 0}


def rate_of(category: str) -> int:
    """The rate in percent; raises ValueError for a category that the law does not know."""
    try:
        return RATES[category]
    except KeyError:
        raise ValueError(f"no tax category {category!r}; there are {sorted(RATES)}") from None


def tax_on(net: int, category: str) -> int:
    """The tax on a net amount."""
    return percent(net, rate_of(category))


def net_within(gross: int, category: str) -> int:
    """The net amount that a gross amount was made from."""
    whole = 100 + rate_of(category)
    return (gross * 100 + whole // 2) // whole
