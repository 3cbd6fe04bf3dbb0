"""Resources: the pieces of infrastructure that a Project tracks, and that Nodes enrol on."""
