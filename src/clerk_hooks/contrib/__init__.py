"""Parts for other frameworks than the adapters cover. Each needs the extra of its name."""
