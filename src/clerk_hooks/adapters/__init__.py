"""One module per framework; each imports only its framework and the core's public names."""
