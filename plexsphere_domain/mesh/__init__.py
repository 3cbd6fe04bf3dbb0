"""The mesh: Nodes, their addresses and keys, how they are heard of, and the state that each of them should be in."""
