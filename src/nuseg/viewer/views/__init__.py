"""One module per way to show a result, found by the registry in nuseg.results.views."""
