"""An OpenAI-compatible server over any model that `companion.load` takes: ``companion serve``.

===============  ====================================================================
`refusal`        what a client is told when its request is not answered
`fields`         one field of a request after the other, each with its rule
`sampling`       from a request to how tokens are chosen
`conversation`   messages of a request, and the tools that it declares
`order`          what one request wants to be written
`chat_request`   from ``POST /v1/chat/completions`` to an order
`text_request`   from ``POST /v1/completions`` to an order
`batch`          several orders, written together
`engine`         the thread that writes, and the queue in front of it
`turn`           a turn of the assistant while it is written: reasoning, text, calls
`answer`         what all answers have: an identifier, how they ended, numbers of tokens
`chat_answer`    the answers of ``/v1/chat/completions``, whole and in pieces
`text_answer`    the same of ``/v1/completions``
`gate`           what stands in front: key, size, names of hosts
`app`            the routes
`options`        the options of ``companion serve``
`launch`         load, listen, and tell
`export`         ``companion export``: a model as a file for other engines
===============  ====================================================================

It is thin, for a class or a small group: one thread writes, several requests at a time. At scale,
the same model is served by vLLM. Taught in :doc:`/book/open-models/serving`.
"""
