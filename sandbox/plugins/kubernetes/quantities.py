"""Amounts of CPU and memory in the one form in which Kubernetes writes them: `0.5` is `500m`, `1024Mi` is `1Gi` (pure).

The rules are those of Kubernetes' docs for `resource.Quantity`: the largest suffix that leaves a whole number, of the
family in which the amount was written.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+|)")
_DECIMAL = {-9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_SMALLEST = -9
_KIBI = 1024


def canonical(written: str | float) -> str:
    """Return the amount in its canonical form; what is no amount comes back as it is, for the server to refuse."""
    match = _FORM.fullmatch(str(written))
    if match is None:
        return str(written)
    number, suffix = Fraction(match[1]), match[2]
    if suffix in _BINARY[1:]:
        amount = number * _KIBI ** _BINARY.index(suffix)
        return _binary(math.ceil(amount)) if abs(amount) >= _KIBI else _decimal(amount)
    if suffix[:1] in {"e", "E"} and suffix[1:]:
        return _decimal(number * Fraction(10) ** int(suffix[1:]), exponents=True)
    exponent = next(power for power, name in _DECIMAL.items() if name == suffix)
    return _decimal(number * Fraction(10) ** exponent)


def _binary(amount: int) -> str:
    power = 0
    while amount % _KIBI == 0 and power < len(_BINARY) - 1:
        amount //= _KIBI
        power += 1
    return f"{amount}{_BINARY[power]}"


def _decimal(amount: Fraction, *, exponents: bool = False) -> str:
    whole = math.ceil(amount / Fraction(10) ** _SMALLEST)
    power = _SMALLEST
    while whole % 1000 == 0 and whole and power < max(_DECIMAL):
        whole //= 1000
        power += 3
    if not whole:
        return "0"
    if exponents:
        return f"{whole}e{power}" if power else str(whole)
    return f"{whole}{_DECIMAL[power]}"
