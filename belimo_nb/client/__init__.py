"""Talking to the API over HTTP: sign-in and tokens, retries, rate limit, checks of what comes back."""
