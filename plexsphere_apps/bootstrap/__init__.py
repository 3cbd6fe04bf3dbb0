"""plexsphere-bootstrap: prepares the stores for core, and appoints the first platform operator."""
