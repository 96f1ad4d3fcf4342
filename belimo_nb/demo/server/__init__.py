"""The demo cloud's HTTP server: its API, its sign-in, and the troubles it can be told to make."""
