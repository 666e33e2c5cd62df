"""Finding the places of a repository that a text is about, with or without a model."""
