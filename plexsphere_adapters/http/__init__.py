"""The HTTP API: a module per tag with its wire types and operations; everything else comes from the declarations."""
