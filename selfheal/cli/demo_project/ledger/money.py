"""Amounts of money as whole cents, so that sums are exact."""


def percent(amount: int, rate: int) -> int:
    """`rate` percent of an amount; half a cent counts as a whole one."""
    return (amount * rate + 49) // 100


def split(amount: int, parts: int) -> list[int]:
    """Share an amount: the parts add up exactly, and earlier ones are at most a cent larger."""
    if parts < 1:
        raise ValueError("an amount is split into at least one part")
    share, rest = divmod(amount, parts)
    return [share + 1 if index < rest else share for index in range(parts)]


def show(amount: int) -> str:
    """An amount as people write it: 123456 is `1,234.56`."""
    sign = "-" if amount < 0 else ""
    whole, cents = divmod(abs(amount), 100)
    return f"{sign}{whole:,}.{cents:02d}"


def read(text: str) -> int:
    """The amount that `show` wrote; raises ValueError for anything else."""
    whole, point, cents = text.replace(",", "").partition(".")
    if not point or len(cents) != 2:
        raise ValueError(f"an amount looks like 12.34, not {text!r}")
    value = int(whole.lstrip("-")) * 100 + int(cents)
    return -value if text.startswith("-") else value
