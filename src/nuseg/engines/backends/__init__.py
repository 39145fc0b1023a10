"""The engines: one module per library, found by `nuseg.engines.registry.engines`."""
