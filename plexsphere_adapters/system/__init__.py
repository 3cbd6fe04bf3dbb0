"""The machine's own ports: its clock, its randomness, and ids made of both."""

from plexsphere_adapters.system.clock import SystemClock
from plexsphere_adapters.system.ids import uuid7
from plexsphere_adapters.system.random import random_bytes

__all__ = ["SystemClock", "random_bytes", "uuid7"]
