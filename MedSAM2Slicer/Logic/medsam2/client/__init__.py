"""Start or reach a backend, send, receive; imports no torch."""
