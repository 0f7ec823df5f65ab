"""The layers of examples/layers and the mistakes planted in them."""
