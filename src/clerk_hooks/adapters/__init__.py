"""One module per framework, each importing only that framework and the core's public names."""
