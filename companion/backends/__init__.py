"""Backends: where the words come from. One interface for a model here and for one on a server.

================  =====================================================================
`backend`         the interface, what a stream holds, and how to read one whole
`local`           a model in this process
`langchain_chat`  a backend as LangChain's chat model
`grammars`        decoding that a grammar holds in
`constrained`     a grammar of tool calls: every call is valid
`structured`      a grammar of JSON that keeps to a schema
`quoting`         a grammar of quotations: every answer stands in a passage
`endpoint`        a model behind an OpenAI-compatible endpoint
`address`         where that is
`completion`      its answer, as it comes over the line
`context`         how long its context is, and how much of it messages take
`dialect`         what servers name differently
`failures`        what went wrong there, and what to do about it
================  =====================================================================

A tool loop, a pipeline over documents and a chatbot take any of them.
"""
