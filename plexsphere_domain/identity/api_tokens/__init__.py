"""API tokens: the long-lived bearer credentials of operators and their automation."""
