"""The HTTP client: sign-in and tokens, retries, rate limit, and checks of each answer."""
