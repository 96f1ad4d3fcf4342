"""What the samples of one valve say of it: checks, each with a verdict and its reason."""
