"""Registration: a machine redeems a bootstrap token and becomes a Node."""
