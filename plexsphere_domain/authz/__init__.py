"""Who may do what: decisions over the relation graph, and the tuples that facts of other contexts put into it."""
