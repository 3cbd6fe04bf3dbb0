"""Projects: what a Domain is divided into, with or without a reserved part of its mesh pool."""
