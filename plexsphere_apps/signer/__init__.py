"""plexsphere-signer: the only process that holds signing keys."""
