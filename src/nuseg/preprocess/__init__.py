"""Before the network: tissue and stains."""
