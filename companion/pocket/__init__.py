"""The pocket models: the corpus, tokenizer, training and evaluation of the small models that the book runs on."""
