"""Encryption at rest and credential hashing: cryptography's AES-GCM and argon2-cffi, behind the domain's ports."""
