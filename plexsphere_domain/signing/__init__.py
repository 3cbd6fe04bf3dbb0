"""The keys with which a Domain signs, and the three things that may be done with them."""
