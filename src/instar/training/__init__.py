"""Making models of one's own."""
