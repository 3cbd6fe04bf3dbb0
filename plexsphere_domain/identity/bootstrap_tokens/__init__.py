"""Bootstrap tokens: the one-shot credentials with which machines become Nodes."""
