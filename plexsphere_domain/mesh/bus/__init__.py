"""The signed event bus: facts of the outbox, announced to Nodes as envelopes that they can verify.

Read in this order: `canonical` (the bytes), `envelope` (what is signed), `announcements` (what is told to whom),
`relay` (from the outbox to the stream), `stream` (from the stream to a Node).
"""
