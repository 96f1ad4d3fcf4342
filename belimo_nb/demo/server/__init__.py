"""The demo cloud's HTTP server: API, sign-in, and the faults that can be injected into its answers."""
