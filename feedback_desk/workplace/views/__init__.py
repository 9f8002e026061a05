"""The doors of /desk/: each fetches by permission, validates, calls one service, answers."""
