"""Reachability: what a Node's heartbeats, and their absence, say about it."""
