"""Chance that can be repeated: one stream of numbers for each seed and each purpose."""

import hashlib

import numpy as np


def stream(seed: int, *purpose: object) -> np.random.Generator:
    """Give a generator that depends on `seed` and `purpose` alone, not on what was drawn before."""
    name = "\x1f".join([str(seed), *map(str, purpose)])
    digest = hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def seed_from(text: str) -> int:
    """Give the seed, 0 .. 2**32 - 1, that a text stands for when nobody chose one."""
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=4).digest()
    return int.from_bytes(digest, "big")
