"""Who is who: bootstrap tokens, registration, Node secret keys and operators' API tokens."""
