"""Mesh addresses: which address a new Node gets, and what becomes of it when the Node goes."""
