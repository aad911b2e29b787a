"""Numbers of things in sentences."""


def counted(number: int, one: str, several: str) -> str:
    """Return `1 rule is` or `1,200 rules are` of "rule is" and "rules are"."""
    return f"{number:,} {one if number == 1 else several}"
