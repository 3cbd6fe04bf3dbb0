"""The desired state of a Node: one document that says everything it should be."""
