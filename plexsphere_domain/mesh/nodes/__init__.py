"""Nodes: enrolled members of a Domain's mesh, the key by which each of them is known, and their retirement."""
