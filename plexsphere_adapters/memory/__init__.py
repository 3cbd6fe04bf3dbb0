"""In-memory implementations of the domain's ports: for embedding the domain without servers, and for unit tests."""
