"""The domain of plexsphere, free of I/O: one package per bounded context, and a small `kernel` that they share.

It needs the standard library and attrs, nothing else, so that any Python service can embed it. What it needs from
outside (time, ids, stores, keys) it asks for through the `typing.Protocol`s in each context's `ports.py`.
"""
