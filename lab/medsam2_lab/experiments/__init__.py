"""Measurements on real cases and synthetic scans that decided how tracking works."""
