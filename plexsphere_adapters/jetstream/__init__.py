"""NATS JetStream: the stream of signed envelopes. No other package imports the driver.

`connection` keeps a session with the stream in place, `publisher` writes, `tail` follows for the whole process, and
`archive` reads what is stored.
"""
