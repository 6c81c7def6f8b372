"""The process that computes: sessions, jobs, one compute worker, served over WebSockets."""
