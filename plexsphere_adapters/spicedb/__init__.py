"""The relation graph in SpiceDB, by its API version 1 over gRPC. Only this package imports authzed."""
