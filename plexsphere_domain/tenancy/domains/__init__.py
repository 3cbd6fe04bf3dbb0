"""Domains: the tenancy boundary, its mesh pool and its reachability policy."""
