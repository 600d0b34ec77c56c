"""Names that nobody chose: of auto-named objects, and of the field manager that owns what a resource sets.

The suffix is drawn as Pulumi's Go SDK draws it, so that the same seed gives the same name under either plugin:
ChaCha8 in the order of words that Go's `math/rand/v2` defines, keyed with the SHA-256 of the seed.
"""

from __future__ import annotations

import hashlib
import secrets
import struct

FIELD_MANAGER_PREFIX = "pulumi-kubernetes-"

_DIGITS = "0123456789abcdef"
_LENGTH = 8
_MASK = 0xFFFFFFFF
_CONSTANTS = struct.unpack("<4I", b"expand 32-byte k")
_QUARTERS = (
    *((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)),
    *((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)),
)


def unique_suffix(seed: bytes) -> str:
    """Return eight hexadecimal digits: always the same for the same `seed`, random for an empty one."""
    if not seed:
        return secrets.token_hex(_LENGTH // 2)
    key = struct.unpack("<8I", hashlib.sha256(seed).digest())
    # Go writes four blocks side by side: word 0 of each, then word 1 of each, and so on. The eight numbers
    # needed are words 0 to 3 of the four, which (unlike the key's words) are not added to the input.
    blocks = [_scramble([*_CONSTANTS, *key, counter, 0, 0, 0]) for counter in range(4)]
    words = [blocks[block][word] for word in range(4) for block in range(4)]
    numbers = struct.unpack("<8Q", struct.pack("<16I", *words))
    return "".join(_DIGITS[number % len(_DIGITS)] for number in numbers)


def new_field_manager() -> str:
    """Return a name for a resource's owner in `managedFields`; the state keeps it for the resource's life."""
    return FIELD_MANAGER_PREFIX + unique_suffix(b"")


def _scramble(words: list[int]) -> list[int]:
    for _ in range(4):
        for a, b, c, d in _QUARTERS:
            for left, right, target, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                words[left] = (words[left] + words[right]) & _MASK
                mixed = words[target] ^ words[left]
                words[target] = ((mixed << turn) & _MASK) | (mixed >> (32 - turn))
    return words
