"""Language models over codec tokens: patterns, Transformer, sampling, generation."""
