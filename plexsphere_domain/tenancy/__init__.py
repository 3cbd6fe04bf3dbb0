"""Tenancy: Domains own a mesh pool and a reachability policy; Projects divide a Domain; Resources live in a Project."""
