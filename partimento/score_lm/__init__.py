"""A language model over score tokens: the grid, the tokens, the grammar, the model and how it writes."""
