"""One module per server: what it is started with, how it is asked whether it answers, what makes it usable."""
