"""plexsphere-core: the API, and the background work of the control plane."""
