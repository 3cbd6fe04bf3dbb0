"""Tamper-evident logs of who did what: one hash chain per Domain and one for the platform itself.

The way of a row: a producer hands an `AuditRecord` to the intake in the transaction that it is about; the `Sequencer`
numbers the waiting records of a chain, replaces identities by pseudonyms and links each row to its predecessor; the
`AuditLog` lists, proves and verifies what is chained, and erases the one mapping from a pseudonym back to an identity.
"""
