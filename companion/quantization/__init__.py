"""Quantization from scratch: what the libraries do, as functions of tensors.

==============  =====================================================================
`integers`      absmax and zero-point rounding to 8 or 4 bits, per tensor or per group
`codebooks`     NF4 and FP4: blocks of 64 values, a table of 16, double quantization
`measures`      how far a restored tensor is from the original
`footprint`     bytes of a model's weights in each format, computed and measured
`memory`        weights, KV cache and activations together: does it fit?
==============  =====================================================================
"""
