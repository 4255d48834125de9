"""From logits to text, one module per idea.

==================  ================================================================
`params`            the settings: how to choose tokens, and when to stop
`logits`            reshape a next-token distribution: temperature, top-k, top-p, ...
`sampling`          turn a distribution and one random number into a token
`batching`          prompts to a left-padded batch, with its mask and positions
`forward`           models of any architecture through one call
`llama`             Llama's forward pass, written out for decoding
`plain_llama`       which models are read by it
`cache`             the key/value cache: use it, measure it, compute its size
`stopping`          when a text ends: stop strings, half-finished characters
`sequences`         a continuation: while it grows, and when it is done
`decoding`          the generation loop: greedy, sampling, batches, streaming
`beam_search`       keep several candidate sequences at once
`scoring`           log-probabilities and perplexity of a given text
==================  ================================================================

Shape letters used throughout: ``B`` sequences in a batch, ``T`` tokens, ``V`` vocabulary size.
"""
