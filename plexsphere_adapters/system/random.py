"""Randomness for keys, tokens and nonces."""

import os

from plexsphere_domain.kernel.secrets import SecretBytes


def random_bytes(count: int) -> SecretBytes:
    """`count` bytes of the operating system's generator."""
    return SecretBytes(os.urandom(count))
