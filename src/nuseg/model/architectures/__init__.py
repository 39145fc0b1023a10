"""The architectures of the network: one module per family, found by `nuseg.model.registry.architectures`."""
