"""Adapters: one package per technology. Only the package of a technology imports its driver."""
