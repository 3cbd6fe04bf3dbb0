"""SpiceDB as a server: the engine as a shared library in this process, and a gRPC port in front of it."""
