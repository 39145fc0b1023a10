"""The heads of the network: one module each, found by `nuseg.model.registry.heads`."""
