"""The pocket models that the book runs on: corpus, tokenizer, training, evaluation, weights."""
