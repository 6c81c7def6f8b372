"""Synthetic scans with known organs, made from random numbers alone: for training and for tests."""
