"""Weights of the network: the catalogue, downloads, the user's store, readers of every checkpoint family."""
