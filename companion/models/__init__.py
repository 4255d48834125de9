"""Load a model by role, by folder or by Hub id, on the device and in the dtype that fit.

==============  =====================================================================
`roles`         which checkpoint a role or name means; the table of Hub models
`checkpoint`    the files of a checkpoint: checksums, size, damage
`hub`           fetch a checkpoint from the Hub, with errors that say what to do
`snapshot`      the files of a Hub model in the cache, compared with their hashes
`embedding`     the bundled embedding model
`open_model`    SmolLM2-135M-Instruct, fetched once
`gguf_file`     a GGUF file made into a checkpoint
`gguf_export`   a pocket model made into a GGUF file, for llama.cpp
`devices`       device, dtype and memory
`loading`       `load`, with `quantized` for 4 and 8 bits
`listing`       what ``companion models`` lists
==============  =====================================================================
"""

from typing import TYPE_CHECKING

from companion._faces import lazy

if TYPE_CHECKING:
    from companion.models.devices import pick_device, pick_dtype
    from companion.models.loading import LoadedModel, is_pocket, load
    from companion.models.roles import HUB_MODELS, ROLES, HubModel, Role

__all__ = [
    "HUB_MODELS",
    "ROLES",
    "HubModel",
    "LoadedModel",
    "Role",
    "is_pocket",
    "load",
    "pick_device",
    "pick_dtype",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "devices": "pick_device pick_dtype",
        "loading": "LoadedModel is_pocket load",
        "roles": "HUB_MODELS ROLES HubModel Role",
    },
)
