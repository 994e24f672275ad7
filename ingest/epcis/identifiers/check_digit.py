"""Check digits of GS1 keys."""


def check_digit(digits: str) -> str:
    """Give the check digit of a GS1 key's other digits: weights 3, 1, 3 … from the right, to the next ten."""
    total = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def is_right(key: str) -> bool:
    """Tell whether the last digit of a key is the check digit of those before it."""
    return check_digit(key[:-1]) == key[-1]
