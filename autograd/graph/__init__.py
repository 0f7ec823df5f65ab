"""The nodes, and the chain rule over them."""
