"""What a model hears beside words, made from recordings and scores."""
